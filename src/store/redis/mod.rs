//! The store for many nodes, on Redis or Valkey.

mod words;

//! The store for many nodes, on Redis or Valkey.

mod keys;
mod publication;
mod scripts;
mod words;

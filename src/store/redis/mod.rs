//! The store for many nodes, on Redis or Valkey.

mod keys;
pub mod moving;
mod publication;
mod scripts;
mod words;

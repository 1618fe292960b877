//! The backplane: the way to Redis (or Valkey), alone, behind Sentinel, or as a Cluster.
//!
//! Knows which server is in charge of a slot, holds one connection for commands and one for subscriptions to each,
//! finds them again when they are lost, and says of every error whether the command was carried out. Everything
//! runs on one thread. What must not live here: keys, scripts, what is stored or published.

mod trouble;

pub use trouble::Trouble;

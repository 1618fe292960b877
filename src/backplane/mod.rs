//! The backplane: the way to Redis (or Valkey), alone, behind Sentinel, or as a Cluster.
//!
//! Knows which server is in charge of a slot, holds one connection for commands and one for subscriptions to each,
//! finds them again when they are lost, and says of every error whether the command was carried out. Everything
//! runs on one thread; and how the names of each shard begin, which store and broker share. What must not live here: keys,
//! scripts, what is stored or published.

mod backoff;
mod charge;
mod check;
mod dial;
mod feed;
mod line;
mod lines;
mod outage;
mod pooled;
mod server;
mod shards;
mod slot;
mod thread;
mod tls;
mod trouble;

pub use check::Findings;
pub use feed::{News, Subscription};
pub use line::Line;
pub use lines::Lines;
pub use server::{Login, Options, ServerUrl, Servers};
pub use shards::Shards;
pub use slot::Slot;
pub use thread::Backplane;
pub use trouble::Trouble;

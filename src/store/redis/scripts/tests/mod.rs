//! The scripts on a real server: each promise, and at the end of each test a look for leftovers.

mod acks;
mod connects;
mod leaks;
mod limits;
mod memory;
mod model;
mod model_state;
mod nodes;
mod sends;
mod server;
mod shard;
mod speed;
mod ticks;

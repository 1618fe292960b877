//! The store on Redis as one end of a move.
//!
//! The source only reads, while no gateway is registered. The target is filled by the scripts that gateways use. Until everything is
//! there the heads of its shards name a model that no gateway knows, so that what was moved only in part is never taken for
//! a store.
//!
//! | file | |
//! |---|---|
//! | `masters` | the servers, and pools of connections to them |
//! | `shards` | what both ends ask of a shard |
//! | `inboxes` | inboxes put together to messages |
//! | `source`, `target` | the two ends |

mod inboxes;
mod masters;
mod shards;
mod source;
mod target;

use std::path::PathBuf;

pub use source::RedisSource;
pub use target::RedisTarget;

use crate::backplane::Servers;

/// Where a store on Redis is.
#[derive(Debug, Clone)]
pub struct RedisPlace {
    /// The servers.
    pub servers: Servers,
    /// Certificates (PEM) to trust.
    pub ca: Option<PathBuf>,
    /// What the names of all keys begin with.
    pub prefix: String,
    /// Over how many shards everything is spread.
    pub shards: u16,
}

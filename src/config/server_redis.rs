//! The settings of Redis, after all sources are merged and checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::Secret;

/// Redis (or Valkey) as store and broker of many nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// Where it is.
    pub servers: RedisServers,
    /// Certificates to trust besides the system's (`redis.ca`): a PEM file.
    pub ca: Option<PathBuf>,
    /// What all keys begin with (`redis.prefix`; default `postroom`).
    pub prefix: String,
    /// Over how many parts everything is spread (`redis.shards`; default 16). Cannot be changed later.
    pub shards: u16,
    /// How many replicas must have a message before it is accepted (`redis.waitReplicas`; default 0).
    pub wait_replicas: u32,
    /// How long a node counts as alive after it was last heard of (`redis.lease`; default 10 s).
    pub lease: Duration,
}

/// Where the servers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisServers {
    /// One server.
    Single(RedisUrl),
    /// A Cluster: some of its nodes.
    Cluster(Vec<RedisUrl>),
    /// A server that Sentinel watches.
    Sentinel {
        /// The sentinels, with the logins of their own.
        sentinels: Vec<RedisUrl>,
        /// What they call the server (`redis.sentinelMaster`).
        master: String,
        /// How to log in to the server itself.
        login: RedisLogin,
    },
}

/// The URL of a server: in order, with its login. Prints without it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    /// All of it.
    pub full: Secret,
    /// Scheme and address.
    pub(super) shown: String,
}

/// A login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedisLogin {
    /// `redis.username`.
    pub username: Option<String>,
    /// `redis.password`.
    pub password: Option<Secret>,
    /// `redis.database`.
    pub database: Option<u32>,
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RedisServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |urls: &[RedisUrl]| urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Single(url) => url.fmt(f),
            Self::Cluster(urls) => write!(f, "the Cluster of {}", list(urls)),
            Self::Sentinel { sentinels, master, .. } => {
                write!(f, "the server `{master}` of the sentinels {}", list(sentinels))
            }
        }
    }
}

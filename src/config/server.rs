//! The settings of the process, after all sources are merged and checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::server_redis::Redis;
use crate::domain::{DeviceTtl, Durability};

/// Settings of the process: everything but the sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where to listen (`host`, `port`; default `0.0.0.0:1337`).
    pub listen: SocketAddr,
    /// A Unix socket to listen on in place of `listen` (`socketio_uds` of a bench).
    pub socket: Option<PathBuf>,
    /// Where clients of Frappe sites come in that prove themselves with a token alone, besides (`socketio_token_port` of a
    /// bench).
    pub token_listen: Option<SocketAddr>,
    /// Worker threads (`workers`; default: one per core).
    pub workers: usize,
    /// How long a device is remembered after its last session (`device_ttl`, seconds; default 3600).
    pub device_ttl: DeviceTtl,
    /// The folder of the embedded store (`data`; default `data`).
    pub data: PathBuf,
    /// What a 2xx survives (`durability: full | normal`).
    pub durability: Durability,
    /// Redis in place of the embedded store (`redis`), for many nodes; `data` and `durability` mean nothing then.
    pub redis: Option<Redis>,
    /// Node number of message ids (`flakeid.id`, or `flakeid.datacenter` and `flakeid.worker`), if one is given.
    pub flake_node: Option<u64>,
    /// Longest body of `/send`, in bytes (`sendLimit`; default 1 MiB).
    pub send_limit: usize,
    /// Longest body of a batch, in bytes (`batchLimit`; default 4 MiB, at most half of `outboxLimit`).
    pub batch_limit: usize,
    /// Most messages in a batch (`batchItems`; default 10000).
    pub batch_items: usize,
    /// A connection without an authenticated namespace is closed after this (`connectTimeout`; default 45 s).
    pub connect_timeout: Duration,
    /// How long SIGTERM may take (`drainTimeout`; default 10 s).
    pub drain_timeout: Duration,
    /// Bytes that may wait for a client that does not read (`outboxLimit`; default 8 MiB); beyond, it is closed.
    pub outbox_limit: usize,
    /// Socket.IO and Engine.IO (`io`).
    pub io: Io,
    /// Where metrics can be scraped (`metrics.listen`); nowhere unless given.
    pub metrics: Option<SocketAddr>,
    /// Logging (`log`).
    pub log: Log,
}

/// Engine.IO settings, named as in the original's `io` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Io {
    /// `pingInterval`, milliseconds; default 25000.
    pub ping_interval: Duration,
    /// `pingTimeout`, milliseconds; default 20000.
    pub ping_timeout: Duration,
    /// `maxPayload` (or `maxHttpBufferSize`), bytes; default 1000000.
    pub max_payload: usize,
    /// `path`; default `/socket.io`. With a leading and without a trailing slash.
    pub path: String,
    /// Further paths, on which Frappe sites take tokens alone (`socketio_token_path` of a bench, `/socket-token`); written
    /// like `path`.
    pub token_paths: Vec<String>,
    /// `origins`; default all.
    pub origins: Origins,
    /// `cookie`: name of the cookie that carries the session id of polling; default none (`false`).
    pub cookie: Option<String>,
}

/// Which pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All (`*`, `*:*`).
    Any,
    /// Only these, as the `Origin` header states them (`https://shop.example`).
    Only(Vec<String>),
}

/// `log` settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `log.level`: a level, or directives as in `RUST_LOG`, which overrides it; default `info`.
    pub level: String,
    /// `log.format`; default `auto`.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

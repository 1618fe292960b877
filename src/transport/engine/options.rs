//! Settings of the engine.

use std::time::Duration;

use super::handshake::{Protocol, Query};

/// Which `Origin` headers are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginRule {
    /// All.
    Any,
    /// Only these, to the letter, and requests without an `Origin`.
    Only(Vec<String>),
}

impl OriginRule {
    /// Whether a request with this `Origin` header is let in.
    #[must_use]
    pub fn allows(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(known), Some(origin)) => known.iter().any(|known| known.eq_ignore_ascii_case(origin)),
        }
    }
}

/// Settings of the engine. The names are those of the official servers.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How often a connection is pinged.
    pub ping_interval: Duration,
    /// How long the answer may take.
    pub ping_timeout: Duration,
    /// Whether clients of Engine.IO 3 are served.
    pub serves_v3: bool,
    /// Longest message or polling request of a client, in bytes.
    pub max_payload: usize,
    /// Path of the endpoint, without the slash at the end.
    pub path: String,
    /// Further paths, written likewise: on these tokens alone are taken.
    pub token_paths: Vec<String>,
    /// Which pages may connect.
    pub origins: OriginRule,
    /// Name of a cookie with the session id for load balancers; `None`: no cookie.
    pub cookie: Option<String>,
    /// A connection whose conversation is not settled by then is closed.
    pub connect_timeout: Duration,
    /// Headers of a client's first request that its sites want to see, in lower case; kept for as long as it is connected.
    pub kept_headers: &'static [&'static str],
    /// How long the change from polling to WebSocket may take.
    pub upgrade_timeout: Duration,
}

impl EngineOptions {
    /// The protocol that a request names, where it is one that is served.
    pub(super) fn speaks(&self, query: &Query) -> Option<Protocol> {
        query.protocol().filter(|protocol| self.serves_v3 || *protocol == Protocol::V4)
    }

    /// The headers to keep, of all of a request's, which `header` finds by name.
    pub(super) fn kept<'a>(&self, header: &dyn Fn(&str) -> Option<&'a str>) -> Vec<(&'static str, &'a str)> {
        self.kept_headers.iter().filter_map(|name| Some((*name, header(name)?))).collect()
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            serves_v3: true,
            max_payload: 1_000_000,
            path: "/socket.io".to_owned(),
            token_paths: Vec::new(),
            origins: OriginRule::Any,
            cookie: None,
            connect_timeout: Duration::from_secs(45),
            kept_headers: &[],
            upgrade_timeout: Duration::from_secs(10),
        }
    }
}

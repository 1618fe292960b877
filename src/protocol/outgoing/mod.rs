//! HTTP calls to sites' own servers: one thread for all of a protocol, names looked up once, TLS, redirects, bounds on
//! what is read. What must not live here: what a call means.

mod names;
mod request;
mod thread;
mod tls;

use std::io;

pub(super) use request::{CallError, Outgoing, SOCKET_SECRET, address, read};
pub(super) use thread::CallThread;

/// Why calls to sites cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no thread.
    #[error("no thread for the calls to sites: {0}")]
    Thread(#[from] io::Error),
    /// TLS could not be set up.
    #[error("no TLS for the calls to sites: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP side could not be set up.
    #[error("no HTTP for the calls to sites: {0}")]
    Http(String),
}

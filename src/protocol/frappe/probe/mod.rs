//! A look at what stands around a Frappe site, for people: its web server, the Redis of its bench, and whoever answers where
//! its clients come.
//!
//! Each look stands alone: nothing is kept, nothing is changed anywhere, and none takes longer than its time.
//! What must not live here: what a sight means, and how it is mended.

mod realtime;
mod redis;
mod web;

use std::path::Path;
use std::time::Duration;

use crate::protocol::StartError;
use crate::protocol::outgoing::Outgoing;

pub use self::redis::{BenchRedis, RedisTrouble};
pub use super::bases::{Base, bases};
pub use realtime::{Door, Page, Stumble};
pub use web::Said;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks over HTTP.
pub struct Probe {
    outgoing: Outgoing,
    /// Redirects are not followed: what stands there is what is looked at.
    staying: Outgoing,
}

impl Probe {
    /// Goes where addresses say.
    ///
    /// # Errors
    /// [`StartError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, StartError> {
        Ok(Self { outgoing: Outgoing::new(super::REDIRECTS)?, staying: Outgoing::new(0)? })
    }

    /// Goes to whoever answers on a Unix socket.
    ///
    /// # Errors
    /// As [`Probe::new`].
    pub fn by_socket(socket: &Path) -> Result<Self, StartError> {
        let staying = Outgoing::by_socket(socket, 0)?;
        Ok(Self { outgoing: Outgoing::by_socket(socket, super::REDIRECTS)?, staying })
    }
}

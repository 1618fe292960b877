//! How a site's own server is spoken to: who a client is, and who came and went.
//!
//! What must not live here: sessions, delivery, the store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use crate::domain::{Secret, Site};

pub mod frappe;
mod outgoing;
pub mod webservice;

pub use outgoing::StartError;

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Speaks with the servers of sites.
pub trait SiteProtocol: Send + Sync {
    /// Asks which rooms a client belongs to.
    fn authorize(&self, site: Arc<Site>, credentials: Credentials)
    -> BoxFuture<Result<Vec<String>, Refusal>>;

    /// Tells the site that a user came or went; in order per user, retried, never waited for.
    fn user_changed(&self, site: Arc<Site>, change: UserChange);

    /// Waits until what `user_changed` took has been told, at most until `deadline`.
    fn flush(&self, deadline: tokio::time::Instant) -> BoxFuture<()>;
}

/// What a client brings along. `None` is "not given", which the wire tells apart from empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `token` of the query or of the CONNECT payload, or the `Authorization` header's value without its scheme.
    pub token: Option<Secret>,
    /// `meta`: passed on as `X-META`.
    pub meta: Option<String>,
}

/// A user came or went.
#[derive(Debug, Clone)]
pub struct UserChange {
    /// The user room, as the auth answer named it.
    pub user_room: Box<str>,
    /// Came (true) or went.
    pub connected: bool,
    /// When.
    pub at: SystemTime,
    /// The token of the session concerned.
    pub token: Option<Secret>,
}

/// Why a client is not let in. The text goes to the client; clients of the original log their user out on a
/// text that begins with `Auth`, so only those reasons begin so where a new log-in can help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// What the client is told.
    pub text: String,
    /// Whether trying again later with the same token may help.
    pub transient: bool,
}

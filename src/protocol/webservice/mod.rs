//! The protocol of crossroads/socket.io-webservice: `GET authUrl` says who a client is, `PUT updateUserUrl` is
//! told who came and went. `docs/wire/webservice-site.md` is its contract.
//!
//! Promises: nothing here blocks its caller; calls run on a thread of their own; one site that is slow, down or
//! hostile neither delays another nor takes more than its share of calls, memory and name lookups.
//!
//! What must not live here: what rooms mean, who may join what (the gateway decides that).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::outgoing::{CallThread, Outgoing};
use super::{BoxFuture, Credentials, Refusal, SiteProtocol, StartError, UserChange};
use crate::domain::Site;

mod ask;
mod auth;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod tell;
#[cfg(test)]
mod tests;
mod timestamp;
mod trouble;
mod updates;
mod user_id;

/// Bounds that are the same for all sites. What differs per site stands in [`Site`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Auth calls of a site that may wait for one of its `authConcurrency` places; beyond, they are refused at
    /// once (default 10,000).
    pub auth_line: usize,
    /// Longest body of an auth answer, in bytes (default 1 MiB).
    pub answer_limit: usize,
    /// Redirects that are followed in a row (default 5).
    pub redirects: usize,
    /// For `updateUserUrl`.
    pub updates: UpdateOptions,
}

/// Bounds of the calls to `updateUserUrl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Users of a site that it is told about at once (default 8).
    pub at_once: usize,
    /// Changes of a site that may wait; beyond, they are dropped, with a line in the log (default 10,000).
    pub waiting: usize,
    /// How long one call may take (default 10 s).
    pub call_timeout: Duration,
    /// How often one change is tried (default 5).
    pub tries: u32,
    /// The wait after the first try; it doubles with each (default 500 ms).
    pub first_delay: Duration,
    /// No further try begins later than this after the first one (default 60 s).
    pub give_up_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { auth_line: 10_000, answer_limit: 1 << 20, redirects: 5, updates: UpdateOptions::default() }
    }
}

impl Default for UpdateOptions {
    fn default() -> Self {
        Self {
            at_once: 8,
            waiting: 10_000,
            call_timeout: Duration::from_secs(10),
            tries: 5,
            first_delay: Duration::from_millis(500),
            give_up_after: Duration::from_mins(1),
        }
    }
}

/// Speaks the protocol. When it is dropped, calls in flight end, and who waits for them is refused.
pub struct Webservice {
    thread: CallThread,
    auth: auth::AuthCalls,
    updates: Arc<updates::Updates>,
}

impl Webservice {
    /// Starts the thread that calls sites.
    ///
    /// # Errors
    /// [`StartError`] when the system gives no thread, or TLS cannot be set up.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let outgoing = Arc::new(Outgoing::new(options.redirects)?);
        Ok(Self {
            thread: CallThread::start("site-calls")?,
            auth: auth::AuthCalls::new(Arc::clone(&outgoing), options.auth_line, options.answer_limit),
            updates: Arc::new(updates::Updates::new(outgoing, options.updates)),
        })
    }
}

impl SiteProtocol for Webservice {
    fn authorize(
        &self,
        site: Arc<Site>,
        credentials: Credentials,
    ) -> BoxFuture<Result<Vec<String>, Refusal>> {
        let ticket = self.auth.join(&self.thread, &site, &credentials);
        Box::pin(async move { ticket?.answer().await })
    }

    fn user_changed(&self, site: Arc<Site>, change: UserChange) {
        self.updates.put(&self.thread, site, change);
    }

    fn flush(&self, deadline: Instant) -> BoxFuture<()> {
        Box::pin(self.updates.flushed(deadline))
    }
}

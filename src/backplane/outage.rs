//! Says once that something is lost, and once that it is back.

use std::cell::Cell;

use tokio::time::Instant;

use super::{ServerUrl, Trouble};

/// Since when something does not work, if so.
#[derive(Default)]
pub(super) struct Outage(Cell<Option<Instant>>);

impl Outage {
    pub(super) fn begins(&self, server: &ServerUrl, what: &str, why: &Trouble) {
        if self.0.get().is_none() {
            self.0.set(Some(Instant::now()));
            // What somebody has to mend ends a start.
            let again = if matches!(why, Trouble::Refused(_)) { "" } else { "; trying again until it works" };
            tracing::warn!(%server, reason = %why, "{what}{again}");
        } else {
            tracing::debug!(%server, reason = %why, "{what}, still");
        }
    }

    pub(super) fn ends(&self, server: &str, what: &str) {
        if let Some(since) = self.0.take() {
            tracing::info!(server, after_ms = since.elapsed().as_millis() as u64, "{what}");
        }
    }
}

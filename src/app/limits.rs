//! What the process asks of the system.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the number of files that this process may open as far as the system lets it: each connection is one.
pub(super) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => tracing::debug!(open_files = ?limit.maximum, "limit of open files raised"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

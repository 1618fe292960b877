//! The embedded store as one end of a move. Both ends hold the lock of their directory, so that no gateway runs on it.
//!
//! The source reads `postroom.db` and writes nothing. The target writes a file beside it, which becomes `postroom.db` when
//! everything is there: what was moved only in part is never taken for a store.

mod read;
mod source;
mod target;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use source::SqliteSource;
pub use target::SqliteTarget;

use super::super::moving::MoveError;
use super::StoreError;

/// Opening failed: nothing was changed.
fn refused(error: StoreError) -> MoveError {
    MoveError::Refused(match error {
        StoreError::Open(text) => text,
        other => other.to_string(),
    })
}

/// A statement failed.
fn at(path: &Path) -> impl Fn(rusqlite::Error) -> MoveError + '_ {
    |error| MoveError::at(path.display(), error)
}

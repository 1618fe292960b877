//! What can go wrong on the way to Redis, by what it means for the command.

/// Why a command has no answer, by what that means for who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The connection broke, or the answer did not come in time: whether the command was carried out is unknown.
    #[error("{0}")]
    Broken(String),
    /// Not carried out, and likely to be soon: LOADING, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, ASK, BUSY, NOSCRIPT.
    #[error("{0}")]
    NotNow(String),
    /// Not carried out: the server is not in charge (MOVED, READONLY). The line must be asked for anew.
    #[error("{0}")]
    Elsewhere(String),
    /// Not carried out, until somebody mends it: OOM, NOREPLICAS, MISCONF, a server that must not be used (its
    /// maxmemory-policy would delete messages; too old; no right to do this).
    #[error("{0}")]
    Refused(String),
    /// An error reply that a script made: its first word and the rest.
    #[error("{code} {detail}")]
    Script {
        /// `ORDER`, `NOLEASE`, ...
        code: String,
        /// What follows.
        detail: String,
    },
    /// Anything else (WRONGTYPE, a bug): carried out up to the call that failed.
    #[error("{0}")]
    Foreign(String),
}

//! How long and how safely messages are kept.

use std::time::Duration;

/// How long a device is remembered after its last session, with its inbox; the same for all sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceTtl {
    /// This long.
    After(Duration),
    /// For ever (`device_ttl: 0`).
    Never,
}

impl DeviceTtl {
    /// As `device_ttl` states it: seconds, 0 for ever.
    #[must_use]
    pub fn from_secs(secs: u64) -> Self {
        if secs == 0 { Self::Never } else { Self::After(Duration::from_secs(secs)) }
    }

    /// As `_settings` states it.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        match self {
            Self::After(ttl) => ttl.as_secs(),
            Self::Never => 0,
        }
    }
}

/// What a 2xx of `/send` survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A crash of the process, of the system, a loss of power: fsync before the answer.
    #[default]
    Full,
    /// A crash of the process; after a crash of the system the last moments may be gone.
    Normal,
}

//! The clock that messages carry.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970. Sender and clients are one process, so that the difference of two is a latency.
pub fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

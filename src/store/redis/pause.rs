//! Pauses that differ, so that nodes do not do everything at the same moment.

use std::time::Duration;

/// A time between three quarters and five quarters of `pause`.
pub(super) fn jitter(pause: Duration) -> Duration {
    // Without randomness the pause is right all the same.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause.mul_f64(0.75 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

//! What the threads of the store share with those who ask: can it write, and what has it counted.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::super::{Counters, StoreError};

/// The state of the store as others may see it.
#[derive(Default)]
pub(super) struct Health {
    failure: Mutex<Option<StoreError>>,
    counters: Mutex<Counters>,
}

impl Health {
    /// Why the store cannot write, if so.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Takes note of a failure. Only the first of a row is logged.
    pub(super) fn failed(&self, error: StoreError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            tracing::error!(%error, "the store takes no messages until it can write again");
        }
        *failure = Some(error);
    }

    /// Takes note of a success.
    pub(super) fn succeeded(&self) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.take().is_some() {
            tracing::info!("the store can write again");
        }
    }

    pub(super) fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, counters: Counters) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }
}

/// Unix time that runs on evenly while the process lives: a stepped system clock expires nobody.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    unix_ms: u64,
}

impl Clock {
    /// Reads the system's clock, once.
    pub(super) fn start() -> Self {
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        Self { start: Instant::now(), unix_ms }
    }

    /// Unix milliseconds at `now`.
    pub(super) fn unix_ms(&self, now: Instant) -> u64 {
        self.unix_ms + now.saturating_duration_since(self.start).as_millis() as u64
    }

    /// How far the system's clock has come away from this one, in milliseconds: it was stepped, or the machine slept.
    /// The next process begins with the system's.
    pub(super) fn skew_ms(&self) -> i64 {
        let system = Self::start();
        system.unix_ms.cast_signed().saturating_sub(self.unix_ms(system.start).cast_signed())
    }

    /// When the clock will show `unix_ms`; `None` beyond the far future.
    pub(super) fn instant(&self, unix_ms: u64) -> Option<Instant> {
        self.start.checked_add(Duration::from_millis(unix_ms.saturating_sub(self.unix_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_stepped_is_told_by_its_skew() {
        let clock = Clock::start();
        let slow = Clock { unix_ms: clock.unix_ms - 7_200_000, ..clock };
        assert!(clock.skew_ms().abs() < 3_600_000);
        assert!((slow.skew_ms() - 7_200_000).abs() < 3_600_000);
    }
}

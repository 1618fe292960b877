//! What neighbours are owed, and is said with the next beat.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who asks for the roll sooner than this after it was called hears it with the next beat, with all others who ask.
const APART: Duration = Duration::from_secs(1);

/// What is to be said.
#[derive(Debug, Default)]
pub(super) struct Duties {
    /// Somebody has asked who is here, and had no answer yet.
    pub(super) is_roll_due: AtomicBool,
    /// A neighbour is there of which it is not known who is with it.
    pub(super) is_stranger_there: AtomicBool,
    /// When the roll was called last because somebody asked.
    called: Mutex<Option<Instant>>,
}

impl Duties {
    /// Whether the roll may be called at once; then it is taken as called.
    pub(super) fn may_call_roll(&self, now: Instant) -> bool {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let may = called.is_none_or(|called| now.saturating_duration_since(called) >= APART);
        if may {
            *called = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roll_is_called_for_the_first_who_asks_and_then_for_all_together() {
        let (duties, start) = (Duties::default(), Instant::now());
        assert!(duties.may_call_roll(start) && !duties.may_call_roll(start));
        assert!(!duties.may_call_roll(start + APART / 2));
        assert!(duties.may_call_roll(start + APART));
    }
}

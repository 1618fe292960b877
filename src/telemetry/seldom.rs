//! Lines that would come by the thousand when something is wrong, and say the same each time.

#[cfg(not(shuttle))]
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

#[cfg(shuttle)]
use shuttle::sync::Mutex;

/// How long a line keeps others like it from being written.
const EVERY: Duration = Duration::from_secs(10);

/// Lets a line through at most every ten seconds, and counts what it held back.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    held_back: u64,
}

impl Seldom {
    /// One that lets the first line through.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State { last: None, held_back: 0 }))
    }

    /// Whether a line is to be written now: how many were held back since the one before, or `None`.
    pub fn due(&self) -> Option<u64> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            state.held_back += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_goes_through_and_the_next_one_says_how_many_did_not() {
        let (seldom, start) = (Seldom::new(), Instant::now());
        let due = |secs| seldom.due_at(start + Duration::from_secs(secs));
        let held_back = [0, 1, 9, 10, 11, 25].map(due);
        assert_eq!(held_back, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}

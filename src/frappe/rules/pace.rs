//! How fast one client may have things done by rules: others hear of them, so that one could drown the rest.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Events at once.
const BURST: u32 = 200;
/// One more event after so long.
const EACH: Duration = Duration::from_millis(20);

/// The pace of one client.
#[derive(Debug, Default)]
pub(in crate::frappe) struct Pace {
    /// When all that was done would be paid off.
    paid: Cell<Option<Instant>>,
}

impl Pace {
    /// Whether there may be one more now.
    pub(in crate::frappe) fn allows(&self, now: Instant) -> bool {
        let paid = self.paid.get().map_or(now, |paid| paid.max(now)) + EACH;
        let allowed = paid <= now + EACH * BURST;
        if allowed {
            self.paid.set(Some(paid));
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_by_one() {
        let (pace, start) = (Pace::default(), Instant::now());
        assert!((0..BURST).all(|_| pace.allows(start)) && !pace.allows(start));
        assert!(pace.allows(start + EACH) && !pace.allows(start + EACH));
        let later = start + Duration::from_hours(1);
        assert!((0..BURST).all(|_| pace.allows(later)) && !pace.allows(later));
    }
}

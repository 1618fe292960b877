//! What was heard lately, so that a message that comes on several ways is handed on once.

use std::collections::VecDeque;

use ahash::AHashSet;

/// How many are remembered.
const REMEMBERED: usize = 4096;

/// Who published a message, and the how many-eth it was there.
pub(super) type Id = (u64, u64);

/// The last messages that were heard.
#[derive(Default)]
pub(super) struct Recent {
    known: AHashSet<Id>,
    order: VecDeque<Id>,
}

impl Recent {
    /// Takes note of a message; whether it is new.
    pub(super) fn note(&mut self, id: Id) -> bool {
        if !self.known.insert(id) {
            return false;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_no_more() {
        let mut recent = Recent::default();
        let count = REMEMBERED as u64;
        assert!((0..count).all(|number| recent.note((7, number))));
        assert!(!recent.note((7, 0)) && recent.note((8, 0)));
        assert!(recent.note((7, 0)) && !recent.note((7, 2)));
        assert_eq!((recent.known.len(), recent.order.len()), (REMEMBERED, REMEMBERED));
    }
}

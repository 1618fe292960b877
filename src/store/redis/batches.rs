//! Messages that were sent together: answered together, once each of them is.

use slab::Slab;

use crate::domain::{Receipt, ReplyTo};
use crate::store::StoreError;

type Outcome = Result<Receipt, StoreError>;

/// Names a batch under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchKey(usize);

#[derive(Debug)]
struct Batch {
    reply: ReplyTo,
    /// Messages that are not answered yet.
    left: usize,
    /// Of those it says what it began with.
    outcomes: Vec<Outcome>,
}

/// All batches under way. Each of their messages is answered exactly once, so that a key is never used in vain.
#[derive(Debug, Default)]
pub(super) struct Batches(Slab<Batch>);

impl Batches {
    /// `count` messages, for one who waits for all of them.
    pub(super) fn add(&mut self, reply: ReplyTo, count: usize) -> BatchKey {
        let outcomes = vec![Err(StoreError::Closed); count];
        BatchKey(self.0.insert(Batch { reply, left: count, outcomes }))
    }

    /// The message in this place was answered. The answer of the whole, when it was the last one.
    pub(super) fn answered(
        &mut self,
        key: BatchKey,
        place: usize,
        outcome: Outcome,
    ) -> Option<(ReplyTo, Vec<Outcome>)> {
        let batch = self.0.get_mut(key.0)?;
        *batch.outcomes.get_mut(place)? = outcome;
        batch.left = batch.left.saturating_sub(1);
        if batch.left > 0 {
            return None;
        }
        let Batch { reply, outcomes, .. } = self.0.remove(key.0);
        Some((reply, outcomes))
    }
}

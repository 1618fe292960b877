//! Where a session stands in its inbox: the hand-over from replaying what waited to delivering live.
//!
//! A pure state machine: events in, steps out. The rules it keeps, whatever the order of events: no entry is
//! emitted twice on a session, none overtakes another, and none is left behind.

use crate::domain::{Event, Seq};

/// A live entry.
pub type Live = (Seq, Event);

/// How many live entries are held back while a page is on its way; beyond, they are read from the inbox instead.
const HELD: usize = 64;

/// The place of one session in its inbox.
#[derive(Debug, Default)]
pub struct Flow {
    /// The last entry that was emitted, or is known to need no emitting.
    last: Seq,
    /// The last entry that was emitted before it started over.
    before: Seq,
    /// The end of the last batch, until it is acknowledged.
    batch: Option<Seq>,
    phase: Phase,
}

/// What a session waits for.
#[derive(Debug, Default)]
enum Phase {
    /// A page is on its way. Live entries are held back; `missed` when there were too many of them.
    #[default]
    Reading,
    /// As `Reading`, with something held back.
    Holding { missed: bool, held: Vec<Live> },
    /// A batch was emitted and there is more behind it: the client must acknowledge it first.
    AwaitingAck { batch: Seq },
    /// Everything that waited is emitted.
    Live,
}

/// What to do next with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Read on in the inbox after this entry.
    Read(Seq),
}

impl Flow {
    /// The last entry emitted since the beginning, or since it started over.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The last entry ever emitted on this session: an ack above it means nothing.
    #[must_use]
    pub fn highest(&self) -> Seq {
        self.last.max(self.before)
    }

    /// The end of the batch that is under way: emitted, and not acknowledged yet.
    #[must_use]
    pub fn batch(&self) -> Option<Seq> {
        self.batch
    }

    /// Whether a live entry goes straight out.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Entries from `first` to `last` arrived together. True when all of them are to be emitted now; otherwise
    /// each has to be asked for with [`Flow::entry`].
    pub fn skip_to(&mut self, first: Seq, last: Seq) -> bool {
        let all = self.is_live() && first > self.last;
        if all {
            self.last = last;
        }
        all
    }

    /// A live entry arrived. True when it is to be emitted now; otherwise it is old, or it will come with
    /// a page, or behind one.
    pub fn entry(&mut self, seq: Seq, event: &Event) -> bool {
        if seq <= self.last {
            return false;
        }
        match &mut self.phase {
            Phase::Live => {
                self.last = seq;
                return true;
            }
            Phase::Reading => self.phase = Phase::Holding { missed: false, held: vec![(seq, event.clone())] },
            Phase::Holding { missed, held } if held.len() < HELD => {
                if !*missed {
                    held.push((seq, event.clone()));
                }
            }
            Phase::Holding { missed, held } => {
                *missed = true;
                held.clear();
            }
            Phase::AwaitingAck { .. } => {}
        }
        false
    }

    /// A page was emitted as a batch that ends with `emitted` (none when it was empty). `through` and `more` as the
    /// store states them. Held entries that are due now are returned; they go out right behind the batch.
    pub fn page(&mut self, emitted: Option<Seq>, through: Seq, more: bool) -> (Step, Vec<Live>) {
        if let Some(seq) = emitted {
            self.last = self.last.max(seq);
            self.batch = emitted;
        }
        if more {
            return (self.more(emitted), Vec::new());
        }
        self.last = self.last.max(through);
        match std::mem::replace(&mut self.phase, Phase::Live) {
            Phase::Holding { missed: true, .. } => {
                self.phase = Phase::Reading;
                (Step::Read(self.last), Vec::new())
            }
            Phase::Holding { mut held, .. } => {
                held.retain(|(seq, _)| *seq > self.last);
                self.last = held.last().map_or(self.last, |(seq, _)| *seq);
                (Step::Rest, held)
            }
            _ => (Step::Rest, Vec::new()),
        }
    }

    fn more(&mut self, emitted: Option<Seq>) -> Step {
        if let Some(batch) = emitted {
            self.phase = Phase::AwaitingAck { batch };
            return Step::Rest;
        }
        self.phase = Phase::Reading;
        Step::Read(self.last)
    }

    /// A batch was acknowledged through `seq`.
    pub fn batch_acknowledged(&mut self, seq: Seq) -> Step {
        self.batch = self.batch.filter(|batch| *batch > seq);
        match self.phase {
            Phase::AwaitingAck { batch } if seq >= batch => {
                self.phase = Phase::Reading;
                Step::Read(self.last)
            }
            _ => Step::Rest,
        }
    }

    /// The inbox was cleared through `seq`: nothing up to there is to be emitted any more.
    pub fn cleared(&mut self, seq: Seq) -> Step {
        self.last = self.last.max(seq);
        self.batch = None;
        match &mut self.phase {
            Phase::AwaitingAck { .. } => {
                self.phase = Phase::Reading;
                Step::Read(self.last)
            }
            Phase::Holding { held, .. } => {
                held.retain(|(held, _)| *held > seq);
                Step::Rest
            }
            Phase::Reading | Phase::Live => Step::Rest,
        }
    }

    /// Starts over: everything that still waits in the inbox is emitted again (an ack did not come in time).
    pub fn restart(&mut self) -> Step {
        *self = Self { before: self.highest(), ..Self::default() };
        Step::Read(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(flow: &mut Flow, seq: u64) -> bool {
        flow.entry(Seq(seq), &Event::stored(bytes::Bytes::new()))
    }

    fn seqs((step, held): (Step, Vec<Live>)) -> (Step, Vec<Seq>) {
        (step, held.into_iter().map(|(seq, _)| seq).collect())
    }

    fn live_at(seq: u64) -> Flow {
        let mut flow = Flow::default();
        assert_eq!(seqs(flow.page(None, Seq(seq), false)), (Step::Rest, vec![]));
        flow
    }

    #[test]
    fn a_live_entry_goes_out_once() {
        let mut flow = live_at(5);
        assert!(!entry(&mut flow, 5) && entry(&mut flow, 6) && !entry(&mut flow, 6));
    }

    #[test]
    fn what_arrives_while_reading_comes_behind_the_batch_and_not_twice() {
        let mut flow = Flow::default();
        assert!(!entry(&mut flow, 7) && !entry(&mut flow, 9));
        assert_eq!(seqs(flow.page(Some(Seq(7)), Seq(8), false)), (Step::Rest, vec![Seq(9)]));
        assert!(flow.is_live() && entry(&mut flow, 10) && flow.last() == Seq(10));
    }

    #[test]
    fn a_long_inbox_goes_on_after_the_ack_of_the_batch() {
        let mut flow = Flow::default();
        assert_eq!(seqs(flow.page(Some(Seq(3)), Seq(3), true)), (Step::Rest, vec![]));
        assert!(!entry(&mut flow, 4));
        assert_eq!(flow.batch_acknowledged(Seq(2)), Step::Rest);
        assert_eq!(flow.batch_acknowledged(Seq(3)), Step::Read(Seq(3)));
        assert_eq!(seqs(flow.page(Some(Seq(4)), Seq(4), false)), (Step::Rest, vec![]));
        assert!(entry(&mut flow, 5));
    }

    #[test]
    fn too_many_held_back_are_read_again() {
        let mut flow = Flow::default();
        (1..=HELD as u64 + 5).for_each(|seq| assert!(!entry(&mut flow, seq)));
        assert_eq!(seqs(flow.page(None, Seq(0), false)), (Step::Read(Seq(0)), vec![]));
        assert!(!flow.is_live());
    }

    #[test]
    fn an_empty_page_with_more_behind_it_is_read_on() {
        let mut flow = Flow::default();
        assert_eq!(seqs(flow.page(None, Seq(0), true)), (Step::Read(Seq(0)), vec![]));
    }

    #[test]
    fn a_batch_is_under_way_until_it_is_acknowledged_or_cleared() {
        let mut flow = Flow::default();
        let _ = flow.page(Some(Seq(3)), Seq(3), false);
        assert!(entry(&mut flow, 4) && flow.batch() == Some(Seq(3)));
        assert_eq!((flow.batch_acknowledged(Seq(2)), flow.batch()), (Step::Rest, Some(Seq(3))));
        assert_eq!((flow.batch_acknowledged(Seq(3)), flow.batch()), (Step::Rest, None));
        let _ = flow.restart();
        let _ = flow.page(Some(Seq(4)), Seq(4), false);
        assert_eq!((flow.cleared(Seq(4)), flow.batch()), (Step::Rest, None));
    }

    #[test]
    fn starting_over_emits_again_and_still_knows_what_may_be_acknowledged() {
        let mut flow = live_at(5);
        assert!(entry(&mut flow, 6));
        assert_eq!(flow.restart(), Step::Read(Seq(0)));
        assert_eq!((flow.last(), flow.highest()), (Seq(0), Seq(6)));
        assert_eq!(seqs(flow.page(Some(Seq(6)), Seq(6), false)), (Step::Rest, vec![]));
        assert_eq!((flow.last(), flow.highest()), (Seq(6), Seq(6)));
    }

    #[test]
    fn a_cleared_inbox_is_not_waited_for() {
        let mut flow = Flow::default();
        let _ = flow.page(Some(Seq(3)), Seq(3), true);
        assert_eq!(flow.cleared(Seq(8)), Step::Read(Seq(8)));
        assert!(!entry(&mut flow, 8) && !entry(&mut flow, 9));
        assert_eq!(seqs(flow.page(Some(Seq(9)), Seq(9), false)), (Step::Rest, vec![]));
    }
}

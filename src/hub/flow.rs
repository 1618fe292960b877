//! Where a session stands in its inbox: the hand-over from replaying what waited to delivering live.
//!
//! A pure state machine: events in, steps out. The rules it keeps, whatever the order of events: no entry is
//! emitted twice on a session, none overtakes another, and none is left behind.

use crate::domain::{Event, Seq};

/// A live entry.
pub type Live = (Seq, Event);

/// How many live entries are held back while a page is on its way; beyond, they are read from the inbox instead.
const HELD: usize = 64;
/// And how many bytes of them.
const HELD_BYTES: usize = 1 << 20;

/// How many batches are remembered whose ack settles only themselves; of those before, an ack settles nothing, and what
/// stands in them comes again.
const BATCHES: usize = 16;

/// The place of one session in its inbox.
#[derive(Debug, Default)]
pub struct Flow {
    /// The last entry that was emitted, or is known to need no emitting.
    last: Seq,
    /// The greatest `last` there was: starting over does not make an ack mean less.
    top: Seq,
    /// The end of the last batch, until it is acknowledged.
    batch: Option<Seq>,
    /// Once live entries were missed.
    missed: Option<Box<Missed>>,
    phase: Phase,
}

/// Batches that were read because live entries were missed leave out what came live before them, and may not be
/// acknowledged yet.
#[derive(Debug)]
struct Missed {
    /// Where the session was when that happened for the first time.
    behind: Seq,
    /// What stands in such batches, until they are acknowledged.
    batches: Vec<Box<[Seq]>>,
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
    AwaitingAck,
    /// Everything that waited is emitted.
    Live,
}

/// What the acknowledgement of a batch settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covered {
    /// All that waits up to the end of the batch.
    Through,
    /// These and no others.
    These(Box<[Seq]>),
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
    /// The last entry emitted since the session began or started over.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The last entry ever emitted on this session: an ack above it means nothing.
    #[must_use]
    pub fn top(&self) -> Seq {
        self.top.max(self.last)
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
            Phase::Holding { missed, held } if has_room(held) => {
                // One that is told twice is held once.
                if !*missed && held.last().is_none_or(|(last, _)| *last < seq) {
                    held.push((seq, event.clone()));
                }
            }
            Phase::Holding { missed, held } => {
                *missed = true;
                held.clear();
            }
            Phase::AwaitingAck => {}
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
        // What could not be held back is behind the page, like the rest of an inbox that is too long for one.
        if more || matches!(self.phase, Phase::Holding { missed: true, .. }) {
            return (self.more(emitted), Vec::new());
        }
        self.last = self.last.max(through);
        match std::mem::replace(&mut self.phase, Phase::Live) {
            Phase::Holding { mut held, .. } => {
                held.retain(|(seq, _)| *seq > self.last);
                self.last = held.last().map_or(self.last, |(seq, _)| *seq);
                (Step::Rest, held)
            }
            _ => (Step::Rest, Vec::new()),
        }
    }

    fn more(&mut self, emitted: Option<Seq>) -> Step {
        if emitted.is_some() {
            self.phase = Phase::AwaitingAck;
            return Step::Rest;
        }
        self.phase = Phase::Reading;
        Step::Read(self.last)
    }

    /// These entries are about to be emitted as a batch.
    pub fn batched(&mut self, seqs: impl Iterator<Item = Seq>) {
        if let Some(missed) = &mut self.missed {
            // A client that never acknowledges gets what it does not acknowledge again and again.
            if missed.batches.len() == BATCHES {
                missed.batches.remove(0);
            }
            missed.batches.push(seqs.collect());
        }
    }

    /// What the acknowledgement of the batch that ends with `seq` settles.
    pub fn covered(&mut self, seq: Seq) -> Covered {
        let Some(missed) = &mut self.missed else { return Covered::Through };
        match missed.batches.iter().position(|seqs| seqs.last() == Some(&seq)) {
            Some(at) => Covered::These(missed.batches.swap_remove(at)),
            // Acknowledged before.
            None if seq > missed.behind => Covered::These(Box::default()),
            None => Covered::Through,
        }
    }

    /// A batch was acknowledged through `seq`.
    pub fn batch_acknowledged(&mut self, seq: Seq) -> Step {
        self.batch = self.batch.filter(|batch| *batch > seq);
        if !matches!(self.phase, Phase::AwaitingAck) || self.batch.is_some() {
            return Step::Rest;
        }
        self.phase = Phase::Reading;
        Step::Read(self.last)
    }

    /// Live entries may have been missed on their way here: they are read from the inbox. Where a page is on its way
    /// it may be older than what was missed, so another one has to follow it; where the client must acknowledge a
    /// batch first, one does so anyhow.
    pub fn missed(&mut self) -> Step {
        match self.phase {
            Phase::Live => {
                let behind = self.last;
                self.missed.get_or_insert_with(|| Box::new(Missed { behind, batches: Vec::new() }));
                self.phase = Phase::Reading;
                return Step::Read(self.last);
            }
            Phase::Reading | Phase::Holding { .. } => {
                self.phase = Phase::Holding { missed: true, held: Vec::new() };
            }
            Phase::AwaitingAck => {}
        }
        Step::Rest
    }

    /// The inbox was cleared through `seq`: nothing up to there is to be emitted any more.
    pub fn cleared(&mut self, seq: Seq) -> Step {
        self.last = self.last.max(seq);
        self.batch = None;
        match &mut self.phase {
            Phase::AwaitingAck => {
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
    /// Nothing happens while a page is on its way: it would be taken for the first one of the new beginning.
    pub fn restart(&mut self) -> Step {
        if matches!(self.phase, Phase::Reading | Phase::Holding { .. }) {
            return Step::Rest;
        }
        *self = Self { top: self.top(), missed: self.missed.take(), ..Self::default() };
        Step::Read(self.last)
    }
}

fn has_room(held: &[Live]) -> bool {
    held.len() < HELD && held.iter().map(|(_, event)| event.json().len()).sum::<usize>() < HELD_BYTES
}

#[cfg(test)]
mod tests;

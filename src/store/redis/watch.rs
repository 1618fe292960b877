//! What this node owns in one shard, and what it has heard of it: the rules of delivery across nodes, as a pure state
//! machine. Answers, publications and ticks in, steps out; no I/O.
//!
//! The rules, whatever the order in which answers and publications arrive:
//! 1. Publications are counted. One that leaves a gap, or a tick that names more than came, means that something was
//!    lost on the way: every session here has to read on in its inbox.
//! 2. The answer of a connect is the state of the device at one moment, and says how many publications there were. One
//!    behind that moment that went by before the device was known here has to be read again.
//! 3. A device is given up only with the last of its sessions here, and only by the newest generation of its
//!    connects that was answered: a newer one that is still on its way makes the giving up void.
//!
//! That a session emits only what is behind the last entry it has is the session's own rule.

use std::collections::VecDeque;

use ahash::AHashMap;

use super::words::{Dno, Gen, Mark};
use crate::domain::{SessionRef, SiteName};

/// Devices that were named before they were known here, remembered for connects whose answer is still to come.
const STRANGERS: usize = 1024;

/// What this node owns in a shard, and has heard of it.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The last publication.
    heard: u64,
    residents: AHashMap<Dno, Resident>,
    /// Devices that publications named and nobody here had, with the number of the publication; oldest first.
    strangers: VecDeque<(u64, Dno)>,
    /// Of publications up to this one it is not known for sure whom they named: strangers were forgotten, or
    /// publications lost.
    forgotten: u64,
    generation: u64,
    /// Grows when the residents change.
    epoch: u64,
}

/// A device with sessions on this node.
#[derive(Debug)]
struct Resident {
    site: SiteName,
    generation: Gen,
    /// Of the record that the connect with this generation has left in the shard.
    mark: Mark,
    sessions: Vec<SessionRef>,
}

/// What a publication is, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The next one.
    Next,
    /// It came before.
    Old,
    /// Some before it were lost: all sessions have to read on. It counts itself.
    Gap,
}

impl Watch {
    /// The generation of the next connect.
    pub(super) fn next_generation(&mut self) -> Gen {
        self.generation += 1;
        Gen(self.generation)
    }

    /// A connect was answered. Whether the session may have missed something between that answer and now.
    pub(super) fn admitted(
        &mut self,
        session: SessionRef,
        site: &SiteName,
        (dno, generation): (Dno, Gen),
        published: u64,
    ) -> bool {
        let known = self.residents.contains_key(&dno);
        let named = self.strangers.iter().any(|(number, stranger)| *number > published && *stranger == dno);
        let missed = named || self.forgotten > published || (known && self.heard > published);
        self.strangers.retain(|(_, stranger)| *stranger != dno);
        self.epoch += 1;
        let resident = self.residents.entry(dno).or_insert_with(|| Resident {
            site: site.clone(),
            generation,
            mark: Mark::default(),
            sessions: Vec::with_capacity(1),
        });
        resident.generation = resident.generation.max(generation);
        resident.sessions.push(session);
        missed
    }

    /// A connect was answered for which nobody waits any more. What is to be given up, if so.
    pub(super) fn abandoned(&mut self, dno: Dno, generation: Gen) -> Option<(Dno, Gen)> {
        match self.residents.get_mut(&dno) {
            Some(resident) => {
                resident.generation = resident.generation.max(generation);
                None
            }
            None => Some((dno, generation)),
        }
    }

    /// What a connect that was answered has made of its device; said behind [`Watch::admitted`] or
    /// [`Watch::abandoned`].
    pub(super) fn note_mark(&mut self, dno: Dno, generation: Gen, mark: Mark) {
        if let Some(resident) =
            self.residents.get_mut(&dno).filter(|resident| resident.generation == generation)
        {
            resident.mark = mark;
        }
    }

    /// A session ended. The device to give up, if it was the last one.
    pub(super) fn left(&mut self, session: SessionRef, dno: Dno) -> Option<(Dno, Gen)> {
        let resident = self.residents.get_mut(&dno)?;
        resident.sessions.retain(|other| *other != session);
        self.epoch += 1;
        if !resident.sessions.is_empty() {
            return None;
        }
        let generation = resident.generation;
        self.residents.remove(&dno);
        // A connect of the device may have been carried out before what was heard while it was known here.
        self.remember(dno);
        Some((dno, generation))
    }

    /// A publication arrived.
    pub(super) fn heard(&mut self, number: u64) -> Heard {
        let heard = match number {
            _ if number <= self.heard => return Heard::Old,
            _ if number == self.heard + 1 => Heard::Next,
            _ => Heard::Gap,
        };
        if heard == Heard::Gap {
            self.forgotten = number;
        }
        self.heard = number;
        heard
    }

    /// Whether all publications up to this one have been heard.
    pub(super) fn is_current(&self, published: u64) -> bool {
        self.heard >= published
    }

    /// What was published up to here and has not come will not come any more. Whether there is such.
    pub(super) fn give_up_on(&mut self, published: u64) -> bool {
        let lost = self.heard < published;
        if lost {
            (self.heard, self.forgotten) = (published, published);
        }
        lost
    }

    /// The sessions of a device that the last publication named. A device that is not known here is remembered.
    pub(super) fn sessions(&mut self, dno: Dno) -> Option<(&SiteName, &[SessionRef])> {
        // Looked up twice where it is known: the borrow checker cannot let go of a reference it may return.
        if !self.residents.contains_key(&dno) {
            self.remember(dno);
            return None;
        }
        self.residents.get(&dno).map(|resident| (&resident.site, resident.sessions.as_slice()))
    }

    fn remember(&mut self, dno: Dno) {
        if self.strangers.len() == STRANGERS
            && let Some((number, _)) = self.strangers.pop_front()
        {
            self.forgotten = self.forgotten.max(number);
        }
        self.strangers.push_back((self.heard, dno));
    }

    /// All sessions here.
    pub(super) fn all_sessions(&self) -> impl Iterator<Item = SessionRef> {
        self.residents.values().flat_map(|resident| resident.sessions.iter().copied())
    }

    /// The shard knows this node under a new name: numbers begin anew. The devices to be adopted, each with a new
    /// generation and as what it was known; with its rooms where the shard is suspected of having lost some. All sessions have to read on, behind that, and before anything that comes under the new name.
    pub(super) fn renamed(&mut self, suspicious: bool) -> Vec<(Dno, Gen, Mark)> {
        (self.heard, self.forgotten) = (0, 0);
        self.strangers.clear();
        let adopted = self.residents.iter_mut().map(|(dno, resident)| {
            self.generation += 1;
            resident.generation = Gen(self.generation);
            let Mark { who, record } = resident.mark;
            (*dno, resident.generation, Mark { who, record: record.filter(|_| suspicious) })
        });
        adopted.collect()
    }

    /// The shard does not know this device any more: its sessions, which have to end, and its newest generation.
    pub(super) fn gone(&mut self, dno: Dno) -> Option<(Gen, Vec<SessionRef>)> {
        self.epoch += 1;
        self.residents.remove(&dno).map(|resident| (resident.generation, resident.sessions))
    }

    /// Changes whenever [`Watch::sessions`] may answer otherwise.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }
}

#[cfg(test)]
mod tests;

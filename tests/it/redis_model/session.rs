//! A session of the test: what the hub and the gateway make of what the store tells them, with the hub's own [`Flow`].

use std::time::Instant;

use postroom::domain::*;
use postroom::hub::{Flow, ResyncDue, Step};
use postroom::store::Ack;

/// What a session shows to its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// Entries that one acknowledgement answers.
    Batch(Vec<(Seq, usize)>),
    Entry(Seq, usize),
    Resync(Seq),
}

/// A session on a node.
pub(super) struct Session {
    pub(super) reference: SessionRef,
    pub(super) owner: usize,
    pub(super) node: usize,
    pub(super) began: Instant,
    /// Names the connect that made it.
    pub(super) attempt: usize,
    pub(super) kept: Option<Kept>,
    /// The last entry it has shown.
    pub(super) shown: u64,
}

/// As the hub's own of that name.
pub(super) struct Kept {
    pub(super) device: DeviceNo,
    pub(super) flow: Flow,
    resync: Option<ResyncDue>,
    told: Option<Seq>,
}

/// The number of a message, which is all there is in it.
pub(super) fn number(event: &Event) -> usize {
    let text = std::str::from_utf8(event.json()).unwrap();
    text.trim_start_matches("[\"m\",").trim_end_matches(']').parse().unwrap()
}

pub(super) fn event(number: usize) -> Event {
    Event::stored(format!("[\"m\",{number}]").into())
}

impl Kept {
    pub(super) fn new(device: DeviceNo) -> Self {
        Self { device, flow: Flow::default(), resync: None, told: None }
    }

    pub(super) fn page(&mut self, page: &Page) -> (Step, Vec<Shown>) {
        let mut shown = Vec::new();
        if let Some(through) = page.resync
            && self.clear(through).is_some()
        {
            shown.push(Shown::Resync(through));
        }
        let known = page.entries.partition_point(|(seq, _)| *seq <= self.flow.last());
        let fresh: Vec<_> = page.entries[known..].iter().map(|(seq, event)| (*seq, number(event))).collect();
        let last = fresh.last().map(|(seq, _)| *seq);
        let (step, held) = self.flow.page(last, page.through, page.more);
        if last.is_some() {
            shown.push(Shown::Batch(fresh));
        }
        shown.extend(held.iter().map(|(seq, event)| Shown::Entry(*seq, number(event))));
        (step, shown)
    }

    pub(super) fn entry(&mut self, seq: Seq, event: &Event) -> Option<Shown> {
        self.flow.entry(seq, event).then(|| Shown::Entry(seq, number(event)))
    }

    pub(super) fn resync(&mut self, through: Seq) -> Option<(Step, Shown)> {
        Some((self.clear(through)?, Shown::Resync(through)))
    }

    fn clear(&mut self, through: Seq) -> Option<Step> {
        if self.told >= Some(through) {
            return None;
        }
        let step = self.flow.cleared(through);
        self.told = Some(through);
        self.resync = Some(ResyncDue::new(through, self.flow.top()));
        Some(step)
    }

    /// The client acknowledges an entry: what the store is told.
    pub(super) fn acknowledge(&mut self, seq: Seq) -> Vec<Ack> {
        let ack = match self.flow.batch() {
            Some(batch) => Ack::EntryBehindBatch(self.device, seq, batch),
            None => Ack::Entry(self.device, seq),
        };
        self.with_proof(ack, seq)
    }

    pub(super) fn acknowledge_batch(&mut self, seq: Seq) -> (Step, Vec<Ack>) {
        let acks = self.with_proof(Ack::Through(self.device, seq), seq);
        (self.flow.batch_acknowledged(seq), acks)
    }

    fn with_proof(&mut self, ack: Ack, seq: Seq) -> Vec<Ack> {
        let due = self.resync.take_if(|due| due.proved_by(seq));
        let proof = due.map(|due| Ack::Resynced(self.device, due.through()));
        [ack].into_iter().chain(proof).collect()
    }

    /// A heartbeat came from the client.
    pub(super) fn beat(&mut self) -> Option<Ack> {
        let done = self.resync.as_mut().is_some_and(ResyncDue::beat);
        let due = self.resync.take_if(|_| done)?;
        Some(Ack::Resynced(self.device, due.through()))
    }
}

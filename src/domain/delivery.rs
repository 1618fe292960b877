//! Sequence numbers, ack ids and what an accepted message came to.

use super::flake::MessageId;
use super::message::Event;

/// Position of an entry in the order of a store. Only grows; an inbox's numbers have gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Seq(pub u64);

/// How many low bits of a [`Seq`] travel as the ack id.
const SEQ_BITS: u32 = 30;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;
/// Marks the ack id of a `_batch`.
const BATCH_BIT: u32 = 1 << SEQ_BITS;

/// The acknowledgement id of an emitted packet: the low 30 bits of its [`Seq`], so that all recipients of a
/// message share one frame; bit 30 marks a `_batch`. Below 2^31, because socket.io-client-java reads it
/// with `Integer.parseInt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckId(u32);

impl AckId {
    /// The id of a single entry.
    #[must_use]
    pub fn entry(seq: Seq) -> Self {
        Self((seq.0 & SEQ_MASK) as u32)
    }

    /// The id of a `_batch` whose last entry is `seq`.
    #[must_use]
    pub fn batch(seq: Seq) -> Self {
        Self((seq.0 & SEQ_MASK) as u32 | BATCH_BIT)
    }

    /// An id as a client sent it; `None` where it is none of ours.
    #[must_use]
    pub fn from_wire(id: u64) -> Option<Self> {
        u32::try_from(id).ok().filter(|id| *id < BATCH_BIT << 1).map(Self)
    }

    /// The number that goes on the wire.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Whether it acknowledges a `_batch`.
    #[must_use]
    pub fn is_batch(self) -> bool {
        self.0 & BATCH_BIT != 0
    }

    /// The newest [`Seq`] not above `last` with these low bits: `last` is the last one written to the session
    /// that acknowledges. `None` when there is no such number yet.
    #[must_use]
    pub fn resolve(self, last: Seq) -> Option<Seq> {
        let low = u64::from(self.0) & SEQ_MASK;
        let behind = last.0.wrapping_sub(low) & SEQ_MASK;
        last.0.checked_sub(behind).map(Seq)
    }
}

/// What became of an accepted message, as the JSON answer of `/send` states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the message.
    pub id: MessageId,
    /// Devices whose inbox took it.
    pub devices: u32,
    /// Of those, devices that had a live session at that moment.
    pub online: u32,
    /// Inboxes in which it waits; equals `devices` unless a bound was reached.
    pub queued: u32,
}

/// A stretch of an inbox, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The entries: still waiting when the page was made.
    pub entries: Vec<(Seq, Event)>,
    /// The page covers the inbox up to here: entries with a greater number come as `StoreEvent::Entry` behind
    /// this page or, when `more`, in the next one.
    pub through: Seq,
    /// Whether the page stopped at its limit.
    pub more: bool,
    /// The device owes a `_resync`: its inbox was cleared up to and with this entry, and it has not confirmed that.
    pub resync: Option<Seq>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_names_the_newest_entry_with_its_low_bits() {
        let last = Seq((7 << 30) + 5);
        assert_eq!(AckId::entry(last).resolve(last), Some(last));
        assert_eq!(AckId::entry(Seq((7 << 30) + 3)).resolve(last), Some(Seq((7 << 30) + 3)));
        assert_eq!(AckId::entry(Seq((6 << 30) + 9)).resolve(last), Some(Seq((6 << 30) + 9)));
    }

    #[test]
    fn an_ack_above_everything_written_names_nothing() {
        assert_eq!(AckId::entry(Seq(9)).resolve(Seq(5)), None);
    }

    #[test]
    fn a_batch_ack_is_told_from_an_entry_and_stays_below_two_to_the_31() {
        let id = AckId::batch(Seq(u64::MAX));
        assert!(id.is_batch() && id.get() < 1 << 31);
        assert!(!AckId::entry(Seq(u64::MAX)).is_batch());
        assert_eq!(AckId::from_wire(1 << 31), None);
    }
}

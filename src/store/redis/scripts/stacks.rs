//! Acks of one entry by many devices, put together: a message for a room is acknowledged by all who are in it.

use ahash::AHashMap;

use super::super::words::{Dno, Settled};
use crate::domain::Seq;

/// What an ack names at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stack {
    One(Settled),
    /// This entry, by each of these.
    Entries(Seq, Vec<Dno>),
}

/// Acks in an order in which those of one device stay as they were: what is acknowledged before an older entry may clear an
/// inbox.
pub(super) fn of(settled: &[Settled]) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::with_capacity(settled.len().min(16));
    // Where the newest ack of a device is, and where an entry is named.
    let (mut newest, mut named) = (AHashMap::<Dno, usize>::new(), AHashMap::<Seq, usize>::new());
    for ack in settled {
        let end = stacks.len();
        let before = newest.get(&device(ack)).copied();
        let place = match ack {
            Settled::Entry(_, seq) => *named.entry(*seq).or_insert(end),
            _ => end,
        };
        match stacks.get_mut(place) {
            Some(stack) if before.is_none_or(|before| before <= place) => {
                stack.add(ack);
                newest.insert(device(ack), place);
            }
            _ => {
                stacks.push(Stack::One(*ack));
                newest.insert(device(ack), end);
            }
        }
    }
    stacks
}

impl Stack {
    /// One more ack of the same entry.
    fn add(&mut self, ack: &Settled) {
        match self {
            Self::Entries(_, devices) => devices.push(device(ack)),
            Self::One(Settled::Entry(first, seq)) => {
                *self = Self::Entries(*seq, vec![*first, device(ack)]);
            }
            Self::One(_) => {}
        }
    }
}

fn device(ack: &Settled) -> Dno {
    match ack {
        Settled::Entry(dno, _)
        | Settled::EntryBehindBatch(dno, ..)
        | Settled::Through(dno, _)
        | Settled::Resynced(dno, _) => *dno,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(dno: u64, seq: u64) -> Settled {
        Settled::Entry(Dno(dno), Seq(seq))
    }

    #[test]
    fn acks_of_one_entry_are_put_together() {
        let settled = [entry(1, 7), entry(1, 8), entry(2, 7), entry(2, 8), entry(3, 7)];
        let stacks = [
            Stack::Entries(Seq(7), vec![Dno(1), Dno(2), Dno(3)]),
            Stack::Entries(Seq(8), vec![Dno(1), Dno(2)]),
        ];
        assert_eq!(of(&settled), stacks);
    }

    fn acks() -> impl Strategy<Value = Vec<Settled>> {
        let ack = (0..4_u8, 0..5_u64, 0..5_u64).prop_map(|(kind, dno, seq)| match kind {
            0 => Settled::Through(Dno(dno), Seq(seq)),
            1 => Settled::EntryBehindBatch(Dno(dno), Seq(seq), Seq(1)),
            _ => entry(dno, seq),
        });
        prop::collection::vec(ack, 0..40)
    }

    proptest! {
        #[test]
        fn none_is_lost_and_none_of_a_device_overtakes_another(settled in acks()) {
            let unpacked = of(&settled).into_iter().flat_map(|stack| match stack {
                Stack::One(ack) => vec![ack],
                Stack::Entries(seq, dnos) => dnos.into_iter().map(|dno| Settled::Entry(dno, seq)).collect(),
            });
            let unpacked: Vec<Settled> = unpacked.collect();
            prop_assert_eq!(unpacked.len(), settled.len());
            for dno in (0..5).map(Dno) {
                let of_device = |acks: &[Settled]| -> Vec<Settled> {
                    acks.iter().filter(|ack| device(ack) == dno).copied().collect()
                };
                prop_assert_eq!(of_device(&unpacked), of_device(&settled));
            }
        }
    }
}

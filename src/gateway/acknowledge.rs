//! Acknowledgements: what a client says it has, on its way to the store.

use std::rc::Rc;
use std::time::Duration;

use super::worker::Gateway;
use crate::domain::{AckId, DeviceNo, Seq};
use crate::hub::{Covered, Kept, ResyncDue, SessionId, Step};
use crate::store::Ack;

/// How long acks are gathered before they go to the store, unless something else goes there first.
const GATHER: Duration = Duration::from_millis(10);
/// How many are gathered at most.
const GATHER_MAX: usize = 512;

impl Gateway {
    /// A client acknowledged `id` on a session. Ids that mean nothing there are ignored.
    pub fn acknowledge(self: &Rc<Self>, session: SessionId, id: u64) {
        let Some(ack) = AckId::from_wire(id) else { return };
        let now = self.now();
        let taken = self.hub.with_kept(session, |kept| take_ack(kept, ack, now)).flatten();
        let Some(Taken { device, acked, step, resynced }) = taken else { return };
        match acked {
            Acked::One(ack) => self.gather(ack),
            // As little as `Through` do they cause a resync.
            Acked::Batch(seqs, end) => {
                seqs.iter().for_each(|seq| self.gather(Ack::EntryBehindBatch(device, *seq, end)));
            }
        }
        if let Some(due) = resynced {
            self.gather(Ack::Resynced(device, due.through()));
        }
        self.take(step, session, device);
    }

    /// A heartbeat came from the client of a session.
    pub fn heartbeat(self: &Rc<Self>, session: SessionId) {
        let confirmed = self.hub.with_kept(session, |kept| {
            let done = kept.resync.as_mut().is_some_and(ResyncDue::beat);
            let due = kept.resync.take_if(|_| done)?;
            Some(Ack::Resynced(kept.device, due.through()))
        });
        if let Some(Some(ack)) = confirmed {
            self.gather(ack);
        }
    }

    fn gather(self: &Rc<Self>, ack: Ack) {
        self.acks.borrow_mut().push(ack);
        if self.acks.borrow().len() >= GATHER_MAX {
            self.flush_acks();
        } else if !self.ack_timer_set.replace(true) {
            let gateway = Rc::clone(self);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(GATHER).await;
                gateway.ack_timer_set.set(false);
                gateway.flush_acks();
            });
        }
    }

    /// Hands the gathered acks to the store, so that what follows comes behind them.
    pub fn flush_acks(&self) {
        let acks = std::mem::take(&mut *self.acks.borrow_mut());
        if !acks.is_empty() {
            self.shared.parts.store.acknowledge(acks);
        }
    }
}

/// What an acknowledgement comes to.
struct Taken {
    device: DeviceNo,
    acked: Acked,
    step: Step,
    resynced: Option<ResyncDue>,
}

enum Acked {
    One(Ack),
    /// These entries, of a batch that ends with that one.
    Batch(Box<[Seq]>, Seq),
}

fn take_ack(kept: &mut Kept, ack: AckId, now: u32) -> Option<Taken> {
    let (device, last) = (kept.device, kept.flow.top());
    let seq = ack.resolve(last)?;
    // The ack of a single entry says nothing about older ones: whether some still wait is for the store to say.
    let all = ack.is_batch() && seq == last;
    kept.waiting_since = kept.waiting_since.filter(|_| !all).map(|_| now);
    let resynced = kept.resync.take_if(|due| due.proved_by(seq));
    if ack.is_batch() {
        let acked = match kept.flow.covered(seq) {
            Covered::Through => Acked::One(Ack::Through(device, seq)),
            Covered::These(seqs) => Acked::Batch(seqs, seq),
        };
        let step = kept.flow.batch_acknowledged(seq);
        return Some(Taken { device, acked, step, resynced });
    }
    let ack = match kept.flow.batch() {
        Some(batch) => Ack::EntryBehindBatch(device, seq, batch),
        None => Ack::Entry(device, seq),
    };
    Some(Taken { device, acked: Acked::One(ack), step: Step::Rest, resynced })
}

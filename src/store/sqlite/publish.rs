//! What a round has to tell, and to whom: once its fate is known.

use std::mem;
use std::sync::Arc;

use super::super::{Outlet, Page, StoreError, StoreEvent};
use super::state::{Cleared, Workers};
use crate::domain::{DeviceNo, Message, Receipt, ReplyTo, Seq, SessionRef, WorkerId};

/// One thing to tell, in the order of the commands.
pub(super) enum Planned {
    Connected {
        session: SessionRef,
        device: DeviceNo,
        /// Without its entries.
        page: Page,
        /// Its entries.
        seqs: Vec<Seq>,
    },
    Entry {
        seq: Seq,
        message: Arc<Message>,
        devices: Arc<[DeviceNo]>,
        workers: Workers,
    },
    Appended {
        reply: ReplyTo,
        receipt: Receipt,
    },
    AppendedAll {
        reply: ReplyTo,
        receipts: Vec<Receipt>,
    },
    /// By an ack.
    Resync(Cleared),
    /// By a message that did not fit.
    Overflow(Cleared),
}

/// Gathers events per worker.
pub(super) struct Publisher {
    outlet: Arc<dyn Outlet>,
    /// By worker number.
    outbox: Vec<Vec<StoreEvent>>,
}

impl Publisher {
    pub(super) fn new(outlet: Arc<dyn Outlet>) -> Self {
        Self { outlet, outbox: Vec::new() }
    }

    pub(super) fn push(&mut self, worker: WorkerId, event: StoreEvent) {
        let place = usize::from(worker.0);
        if self.outbox.len() <= place {
            self.outbox.resize_with(place + 1, Vec::new);
        }
        if let Some(events) = self.outbox.get_mut(place) {
            events.push(event);
        }
    }

    /// What became true with the commit. `page` fills the page of a connect.
    pub(super) fn success(&mut self, plan: Planned, page: impl FnOnce(Page, &[Seq]) -> Page) {
        match plan {
            Planned::Connected { session, device, page: empty, seqs } => {
                let page = page(empty, &seqs);
                self.push(session.worker, StoreEvent::Connected { session, device, page });
            }
            Planned::Entry { seq, message, devices, workers } => {
                for worker in workers.iter() {
                    let (site, event) = (message.site.clone(), message.event.clone());
                    let devices = Arc::clone(&devices);
                    self.push(worker, StoreEvent::Entry { seq, site, event, devices });
                }
            }
            Planned::Appended { reply, receipt } => {
                let answer = StoreEvent::Appended { token: reply.token, outcome: Ok(receipt) };
                self.push(reply.worker, answer);
            }
            Planned::AppendedAll { reply, receipts } => {
                let outcomes = receipts.into_iter().map(Ok).collect();
                self.push(reply.worker, StoreEvent::AppendedAll { token: reply.token, outcomes });
            }
            Planned::Resync(cleared) | Planned::Overflow(cleared) => self.resync(&cleared),
        }
    }

    /// What is left to tell when the commit failed.
    pub(super) fn failure(&mut self, plan: Planned, error: &StoreError) {
        match plan {
            Planned::Connected { session, .. } => {
                let failed = StoreEvent::ConnectFailed { session, error: error.clone() };
                self.push(session.worker, failed);
            }
            Planned::Appended { reply, receipt } => {
                let answer = StoreEvent::Appended { token: reply.token, outcome: not_kept(receipt, error) };
                self.push(reply.worker, answer);
            }
            Planned::AppendedAll { reply, receipts } => {
                let outcomes = receipts.into_iter().map(|receipt| not_kept(receipt, error)).collect();
                self.push(reply.worker, StoreEvent::AppendedAll { token: reply.token, outcomes });
            }
            Planned::Resync(cleared) => self.resync(&cleared),
            Planned::Entry { .. } | Planned::Overflow(_) => {}
        }
    }

    fn resync(&mut self, cleared: &Cleared) {
        for worker in cleared.workers.iter() {
            self.push(worker, StoreEvent::Resync { device: cleared.device, through: cleared.through });
        }
    }

    /// Hands over, one call per worker.
    pub(super) fn deliver(&mut self) {
        for (worker, events) in self.outbox.iter_mut().enumerate() {
            if !events.is_empty() {
                self.outlet.deliver(WorkerId(worker as u16), mem::take(events));
            }
        }
    }
}

/// What a message came to that could not be written. Where nobody waits for it, nothing was to be written.
fn not_kept(receipt: Receipt, error: &StoreError) -> Result<Receipt, StoreError> {
    if receipt.devices == 0 { Ok(receipt) } else { Err(error.clone()) }
}

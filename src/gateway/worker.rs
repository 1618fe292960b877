//! The gateway of one worker thread, and the loop that applies what arrives for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::AHashMap;
use slab::Slab;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::piles::Piles;
use super::shared::Shared;
use super::switchboard::Mail;
use crate::domain::{DeviceNo, Receipt, Seq, SessionRef, WorkerId};
use crate::hub::{Hub, SessionId, SiteNo, Step};
use crate::store::{Ack, Read, StoreError};

/// Links of one site that are written to before other sites and other work of this thread get their turn: what arrives
/// meanwhile leaves together.
const FLUSH_SLICE: usize = 128;

/// A request that waits for the store.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What became of messages that were sent together.
pub(super) type Outcomes = Vec<Result<Receipt, StoreError>>;

/// A send that waits for its commit.
pub(super) struct Sending {
    pub(super) site: SiteNo,
    pub(super) reply: Reply<Receipt>,
}

/// Messages that were sent together and wait for their commit.
pub(super) struct SendingAll {
    pub(super) site: SiteNo,
    pub(super) reply: oneshot::Sender<Outcomes>,
}

/// The use cases, on one worker thread.
pub struct Gateway {
    pub(super) shared: Arc<Shared>,
    pub(super) worker: WorkerId,
    pub(super) hub: Rc<Hub>,
    /// Sends that wait for their commit, by token.
    pub(super) sends: RefCell<Slab<Sending>>,
    /// Sends of several messages that wait for their commit, by token.
    pub(super) batches: RefCell<Slab<SendingAll>>,
    /// Sessions that wait to be let in.
    pub(super) arrivals: RefCell<AHashMap<SessionId, Reply<()>>>,
    /// Acks that leave together.
    pub(super) acks: RefCell<Vec<Ack>>,
    pub(super) ack_timer_set: Cell<bool>,
    /// What arrived and is not applied yet.
    pub(super) piles: RefCell<Piles>,
    started: Instant,
}

impl Gateway {
    /// The gateway of worker `worker`, on its hub.
    #[must_use]
    pub fn new(shared: Arc<Shared>, worker: WorkerId, hub: Rc<Hub>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            worker,
            hub,
            sends: RefCell::default(),
            batches: RefCell::default(),
            arrivals: RefCell::default(),
            acks: RefCell::default(),
            ack_timer_set: Cell::new(false),
            piles: RefCell::default(),
            started: Instant::now(),
        })
    }

    /// What all workers share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The hub of this worker.
    #[must_use]
    pub fn hub(&self) -> &Rc<Hub> {
        &self.hub
    }

    /// Applies what arrives and sends what waits, until the line is cut.
    pub async fn run(self: Rc<Self>, mut line: UnboundedReceiver<Mail>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut mail, mut busy) = (Vec::new(), false);
        loop {
            tokio::select! {
                biased;
                _ = second.tick() => self.redeliver(),
                count = line.recv_many(&mut mail, usize::MAX) => {
                    if count == 0 {
                        return;
                    }
                    self.sort(mail.drain(..));
                }
                () = self.hub.wait(), if !busy => {}
                () = std::future::ready(()), if busy => {}
            }
            busy = self.turn();
            if busy {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Applies what is due, and sends one slice. Whether there is more to do at once.
    pub(super) fn turn(&self) -> bool {
        self.apply_due();
        let more = self.hub.flush(FLUSH_SLICE);
        more || self.piles.borrow().sites() > 0
    }

    /// Seconds since this gateway was made.
    pub(super) fn now(&self) -> u32 {
        self.started.elapsed().as_secs() as u32
    }

    pub(super) fn session_ref(&self, id: SessionId) -> SessionRef {
        SessionRef { worker: self.worker, slot: id.slot, serial: id.serial }
    }

    pub(super) fn take(&self, step: Step, id: SessionId, device: DeviceNo) {
        if let Step::Read(after) = step {
            self.read(id, device, after);
        }
    }

    fn read(&self, id: SessionId, device: DeviceNo, after: Seq) {
        self.flush_acks();
        let (session, limit) = (self.session_ref(id), self.shared.parts.page);
        self.shared.parts.store.read(Read { session, device, after, limit });
    }

    /// What was not acknowledged in time is delivered again, where the site wants that.
    fn redeliver(&self) {
        for (id, device, step) in self.hub.overdue(self.now()) {
            self.take(step, id, device);
        }
    }
}

//! Hearing: what is published to the rooms of this node, handed to its sessions.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, spawn_local};

use super::Reception;
use super::channels::{Channels, Name};
use super::ears::{Ears, Opened};
use super::recent::Recent;
use super::wire::{self, Unreadable};
use crate::backplane::{Lines, News, Subscription};
use crate::telemetry::Seldom;

/// How often rooms without sessions are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// Where everything that is heard goes through.
pub(super) struct Hearing {
    reception: Arc<dyn Reception>,
    recent: RefCell<Recent>,
    garbled: Seldom,
    newer: Cell<bool>,
}

impl Hearing {
    pub(super) fn new(reception: Arc<dyn Reception>) -> Self {
        Self { reception, recent: RefCell::default(), garbled: Seldom::new(), newer: Cell::new(false) }
    }

    pub(super) fn heard(&self, envelope: &Bytes) {
        match wire::open(envelope) {
            Ok((id, message)) => {
                if self.recent.borrow_mut().note(id) {
                    self.reception.broadcast(Arc::new(message));
                }
            }
            Err(Unreadable::Newer(version)) => {
                if !self.newer.replace(true) {
                    tracing::warn!(
                        version,
                        "a node of a later version broadcasts in a way that is not understood here; update this one"
                    );
                }
            }
            Err(Unreadable::Garbled) => {
                if let Some(more) = self.garbled.due() {
                    tracing::warn!(more, "something was published to a channel of ours that is no message");
                }
            }
        }
    }
}

/// Subscribes to what is listened to, for as long as it is polled.
pub(super) async fn run(
    lines: Rc<Lines>,
    channels: Arc<Channels>,
    ears: Arc<Ears>,
    mut opened: mpsc::UnboundedReceiver<Opened>,
    reception: Arc<dyn Reception>,
) {
    let hearing = Rc::new(Hearing::new(reception));
    let mut listening: HashMap<Name, AbortHandle> = HashMap::new();
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // What was opened before a sweep is there before what it takes away.
            biased;
            next = opened.recv() => {
                let Some(Opened { name, in_force }) = next else { return };
                let (slot, channel) = channels.of(&name);
                let subscription = lines.subscribe(slot, channel);
                let task = spawn_local(listen(subscription, in_force, Rc::clone(&hearing)));
                listening.insert(name, task.abort_handle());
            }
            _ = sweep.tick() => {
                for name in ears.sweep(Instant::now()) {
                    if let Some(task) = listening.remove(&name) {
                        task.abort();
                    }
                }
            }
        }
    }
}

async fn listen(mut subscription: Subscription, in_force: Arc<watch::Sender<bool>>, hearing: Rc<Hearing>) {
    loop {
        match subscription.next().await {
            News::Ready => drop(in_force.send_replace(true)),
            News::Payload(envelope) => hearing.heard(&envelope),
        }
    }
}

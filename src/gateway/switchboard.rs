//! One line to each worker: what the store and the broker say, in order, and how much of it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::broker::Reception;
use crate::domain::{Event, Message, WorkerId};
use crate::store::{Outlet, StoreEvent};

/// Messages that may wait for one worker before `/send` is refused.
const MAX_MESSAGES: usize = 4096;
/// Messages that are applied before other work of the thread gets its turn.
const SLICE: usize = 256;

/// What arrives on a line.
#[derive(Debug)]
pub enum Mail {
    /// What the store says, of one commit.
    Store(Vec<StoreEvent>),
    /// A message that is not kept.
    Broadcast(Arc<Message>),
}

/// One thing that was said.
pub(super) enum Said {
    Store(StoreEvent),
    Broadcast(Arc<Message>),
}

impl Mail {
    /// What is in it, in order.
    pub(super) fn said(self) -> impl Iterator<Item = Said> {
        let (events, message) = match self {
            Self::Store(events) => (events, None),
            Self::Broadcast(message) => (Vec::new(), Some(message)),
        };
        events.into_iter().map(Said::Store).chain(message.map(Said::Broadcast))
    }
}

/// The lines to all workers. What waits on them is counted, so that a fast backend is told to slow down before
/// the outboxes of the clients overflow.
pub struct Switchboard {
    lines: Vec<Line>,
    max_bytes: usize,
}

struct Line {
    sender: UnboundedSender<Mail>,
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Switchboard {
    /// Lines to `workers` workers; the receivers are for them. `max_bytes` of messages may wait on each; it should
    /// be well below what an outbox takes, so that one pass never overflows an empty one.
    #[must_use]
    pub fn new(workers: usize, max_bytes: usize) -> (Arc<Self>, Vec<UnboundedReceiver<Mail>>) {
        let (lines, receivers) = (0..workers)
            .map(|_| {
                let (sender, receiver) = unbounded_channel();
                (Line { sender, messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }, receiver)
            })
            .unzip();
        (Arc::new(Self { lines, max_bytes }), receivers)
    }

    /// Whether some worker has so much waiting that new messages must be refused.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.lines.iter().any(|line| {
            line.messages.load(Ordering::Relaxed) > MAX_MESSAGES
                || line.bytes.load(Ordering::Relaxed) > self.max_bytes
        })
    }

    /// Takes note that a worker has applied this much of what was on its line.
    pub(super) fn taken(&self, worker: WorkerId, weight: Weight) {
        let Some(line) = self.lines.get(usize::from(worker.0)) else { return };
        line.messages.fetch_sub(weight.messages, Ordering::Relaxed);
        line.bytes.fetch_sub(weight.bytes, Ordering::Relaxed);
    }
}

/// Messages, and bytes of their events.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    messages: usize,
    bytes: usize,
}

impl Weight {
    /// Whether this much is enough for one turn.
    pub(super) fn is_slice(self) -> bool {
        self.messages >= SLICE
    }

    pub(super) fn add(&mut self, event: &Event) {
        self.messages += 1;
        self.bytes += event.json().len();
    }
}

impl Line {
    fn put(&self, mail: Mail) {
        let Weight { messages, bytes } = weigh(&mail);
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // A line without a receiver belongs to a worker that has stopped: nobody is left to be told.
        let _ = self.sender.send(mail);
    }
}

impl Outlet for Switchboard {
    fn deliver(&self, worker: WorkerId, events: Vec<StoreEvent>) {
        if let Some(line) = self.lines.get(usize::from(worker.0)) {
            line.put(Mail::Store(events));
        }
    }
}

impl Reception for Switchboard {
    fn broadcast(&self, message: Arc<Message>) {
        for line in &self.lines {
            line.put(Mail::Broadcast(Arc::clone(&message)));
        }
    }
}

fn weigh(mail: &Mail) -> Weight {
    let mut weight = Weight::default();
    match mail {
        Mail::Broadcast(message) => weight.add(&message.event),
        Mail::Store(events) => {
            for event in events {
                if let StoreEvent::Entry { event, .. } = event {
                    weight.add(event);
                }
            }
        }
    }
    weight
}

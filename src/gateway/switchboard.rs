//! One line to each worker: what the store and the broker say, in order, and how much of it waits.

use std::sync::Arc;
#[cfg(not(shuttle))]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(shuttle)]
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::broker::Reception;
use crate::domain::{Message, WorkerId};
use crate::store::{Outlet, StoreEvent};

/// Messages that may wait for one worker before `/send` is refused.
const MAX_MESSAGES: usize = 4096;

/// What arrives on a line.
#[derive(Debug)]
pub enum Mail {
    /// What the store says, of one commit.
    Store(Vec<StoreEvent>),
    /// A message that is not kept.
    Broadcast(Arc<Message>),
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

    /// Takes note that a worker has taken these from its line.
    pub(super) fn taken(&self, worker: WorkerId, mail: &[Mail]) {
        let Some(line) = self.lines.get(usize::from(worker.0)) else { return };
        let (messages, bytes) =
            mail.iter().map(weigh).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        line.messages.fetch_sub(messages, Ordering::Relaxed);
        line.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Line {
    fn put(&self, mail: Mail) {
        let (messages, bytes) = weigh(&mail);
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

/// Messages and bytes of events in a piece of mail.
fn weigh(mail: &Mail) -> (usize, usize) {
    match mail {
        Mail::Broadcast(message) => (1, message.event.json().len()),
        Mail::Store(events) => events.iter().fold((0, 0), |sum, event| match event {
            StoreEvent::Entry { event, .. } => (sum.0 + 1, sum.1 + event.json().len()),
            _ => sum,
        }),
    }
}

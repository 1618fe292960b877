//! Requests that arrive on one worker for a connection on another.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::polling::{Polled, Posted};
use super::sid::Sid;
use super::stream::Loose;
use super::upgrade::Arriving;

/// A request for a connection, on its way to the worker that carries it.
pub enum Job {
    /// A GET waits for packets.
    Poll(Sid, oneshot::Sender<Polled>),
    /// The client of that GET has gone.
    Abandoned(Sid),
    /// A POST brought packets.
    Post(Sid, Bytes, oneshot::Sender<Posted>),
    /// A WebSocket wants to take over from polling.
    Upgrade(Sid, Arriving<Loose>),
    /// The node stops: every connection is closed, and then the answer is given.
    CloseAll(oneshot::Sender<()>),
}

/// The lines to the engines of all workers.
pub struct Exchange(Vec<UnboundedSender<Job>>);

impl Exchange {
    /// Lines to `workers` engines; the receivers are for them.
    #[must_use]
    pub fn new(workers: usize) -> (Arc<Self>, Vec<UnboundedReceiver<Job>>) {
        let (senders, receivers) = (0..workers).map(|_| unbounded_channel()).unzip();
        (Arc::new(Self(senders)), receivers)
    }

    /// Closes every connection of all workers, because the node stops.
    pub async fn close_all(&self) {
        let mut done = Vec::new();
        for line in &self.0 {
            let (reply, receiver) = oneshot::channel();
            if line.send(Job::CloseAll(reply)).is_ok() {
                done.push(receiver);
            }
        }
        for receiver in done {
            // A worker that has stopped has no connections left.
            let _ = receiver.await;
        }
    }

    /// Whether there is a worker of the number that the id names.
    pub(super) fn reaches(&self, sid: &Sid) -> bool {
        usize::from(sid.worker().0) < self.0.len()
    }

    /// Hands a job to the worker that the id names. False where there is no such worker.
    pub(super) fn give(&self, sid: &Sid, job: Job) -> bool {
        self.0.get(usize::from(sid.worker().0)).is_some_and(|line| line.send(job).is_ok())
    }
}

//! Publishing: what waits leaves together, one pipeline for each server concerned.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout_at};

use super::BrokerError;
use super::channels::Channel;
use crate::backplane::{Line, Lines, Slot, Trouble};

/// Messages that may be under way.
const MAX_MESSAGES: usize = 4096;
/// And bytes of them, where it is more than one.
const MAX_BYTES: usize = 64 << 20;
/// Messages of one pipeline.
const BATCH: usize = 256;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// What is under way, counted.
#[derive(Default)]
pub(super) struct Underway {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

/// The right of one message to be under way.
pub(super) struct Permit {
    underway: Arc<Underway>,
    bytes: usize,
}

impl Underway {
    /// `None` when there is too much.
    pub(super) fn enter(underway: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let others = underway.messages.fetch_add(1, Ordering::Relaxed);
        let before = underway.bytes.fetch_add(bytes, Ordering::Relaxed);
        let permit = Permit { underway: Arc::clone(underway), bytes };
        let fits = others < MAX_MESSAGES && (others == 0 || before + bytes <= MAX_BYTES);
        fits.then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.underway.messages.fetch_sub(1, Ordering::Relaxed);
        self.underway.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A message on its way to its channels.
pub(super) struct Parcel {
    pub(super) envelope: Bytes,
    pub(super) channels: Vec<Channel>,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<(), BrokerError>>,
    pub(super) permit: Permit,
}

/// A parcel that has been taken apart: the answer comes with its last piece, or with the first that fails.
struct Whole {
    reply: RefCell<Option<oneshot::Sender<Result<(), BrokerError>>>>,
    pieces: Cell<usize>,
    _permit: Permit,
}

/// Who waits for the line to a server, in order: those who all wait for one connection are woken in any.
type Queue = Rc<Mutex<()>>;

/// One channel of a parcel.
struct Piece {
    channel: Vec<u8>,
    envelope: Bytes,
    whole: Rc<Whole>,
}

impl Piece {
    fn done(self) {
        self.whole.pieces.set(self.whole.pieces.get().saturating_sub(1));
        if self.whole.pieces.get() == 0 {
            self.answer(Ok(()));
        }
    }

    fn failed(self, why: &str) {
        self.answer(Err(BrokerError::Unavailable(why.to_owned())));
    }

    fn answer(&self, outcome: Result<(), BrokerError>) {
        if let Some(reply) = self.whole.reply.take() {
            // Who does not wait for it was not interested.
            let _ = reply.send(outcome);
        }
    }
}

/// Publishes what comes, for as long as it is polled.
pub(super) async fn run(lines: Rc<Lines>, mut parcels: mpsc::UnboundedReceiver<Parcel>, cluster: bool) {
    let mut batch = Vec::new();
    let mut queues: BTreeMap<Slot, Queue> = BTreeMap::new();
    while parcels.recv_many(&mut batch, BATCH).await > 0 {
        let Some(deadline) = batch.iter().map(|parcel| parcel.deadline).min() else { continue };
        for (slot, pieces) in sort(&mut batch, cluster) {
            let queue = Rc::clone(queues.entry(slot).or_default());
            // Not waited for: a server that does not answer holds up nothing that is for others.
            spawn_local(publish(Rc::clone(&lines), queue, slot, pieces, deadline, cluster));
        }
    }
}

/// Pieces by where they go. Without a Cluster one server has all slots.
fn sort(batch: &mut Vec<Parcel>, cluster: bool) -> BTreeMap<Slot, Vec<Piece>> {
    let mut sorted: BTreeMap<Slot, Vec<Piece>> = BTreeMap::new();
    for Parcel { envelope, channels, reply, permit, .. } in batch.drain(..) {
        let (reply, pieces) = (RefCell::new(Some(reply)), Cell::new(channels.len()));
        let whole = Rc::new(Whole { reply, pieces, _permit: permit });
        for (slot, channel) in channels {
            let slot = if cluster { slot } else { Slot::of(b"") };
            let piece = Piece { channel, envelope: envelope.clone(), whole: Rc::clone(&whole) };
            sorted.entry(slot).or_default().push(piece);
        }
    }
    sorted
}

/// Again and again until the deadline. What may have been published already may come again: whoever has heard it
/// ignores it.
async fn publish(
    lines: Rc<Lines>,
    queue: Queue,
    slot: Slot,
    pieces: Vec<Piece>,
    deadline: Instant,
    cluster: bool,
) {
    let mut left = pieces;
    let mut why = "no answer in time".to_owned();
    let attempts = async {
        while !left.is_empty() {
            let turn = queue.lock().await;
            let line = Box::pin(lines.line(slot)).await;
            // What is sent now is sent before whoever is next gets its turn.
            drop(turn);
            match line {
                Ok(line) => attempt(&lines, &line, &mut left, &mut why, cluster).await,
                Err(Trouble::Refused(refused)) => {
                    why = refused;
                    return;
                }
                Err(trouble) => why = trouble.to_string(),
            }
            if !left.is_empty() {
                sleep(PAUSE).await;
            }
        }
    };
    let _ = timeout_at(deadline, attempts).await;
    for piece in left {
        piece.failed(&why);
    }
}

/// Keeps what has to be tried again.
async fn attempt(lines: &Lines, line: &Line, left: &mut Vec<Piece>, why: &mut String, cluster: bool) {
    let mut commands = redis::pipe();
    for piece in left.iter() {
        commands
            .cmd(if cluster { "SPUBLISH" } else { "PUBLISH" })
            .arg(&piece.channel)
            .arg(&piece.envelope[..]);
    }
    let answers = match line.send(&commands).await {
        Ok(answers) => answers,
        Err(trouble) => {
            lines.report(line, &trouble);
            *why = trouble.to_string();
            return;
        }
    };
    let mut again = Vec::new();
    for (piece, answer) in left.drain(..).zip(answers) {
        match answer {
            Ok(_) => piece.done(),
            Err(trouble @ (Trouble::Broken(_) | Trouble::NotNow(_) | Trouble::Elsewhere(_))) => {
                lines.report(line, &trouble);
                *why = trouble.to_string();
                again.push(piece);
            }
            Err(trouble) => piece.failed(&trouble.to_string()),
        }
    }
    *left = again;
}

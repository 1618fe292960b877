//! A bench: what it publishes is heard, its secret is read, and what its Postrooms tell each other goes through its Redis.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::pent::Pent;
use super::reach::Reach;
use crate::domain::Secret;
use crate::protocol::outgoing::CallThread;

/// Where Frappe publishes.
pub(super) const EVENTS: &str = "events";
/// Where the Postrooms of a bench speak with each other; nobody else listens there.
pub(super) const NEIGHBOURS: &str = "postroom:frappe:1";
/// Where Frappe's own build watcher hears what to open.
const EDITOR: &str = "open_in_editor";
/// What the web servers of a bench know a realtime server by.
pub(super) const SECRET_KEY: &str = "socketio_auth_secret";

/// Between two attempts to connect: first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How often a Postroom says that it is there. That is heard by itself too, which proves that it hears.
pub(super) const BEAT: Duration = Duration::from_secs(2);
/// Without having heard itself for so long, it connects anew.
const DEAF: Duration = Duration::from_secs(7);
/// How long a client is kept waiting for the secret; it may be known from before. Redis is not waited for again so soon after
/// it has not answered.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether the workers take more.
const LOOK: Duration = Duration::from_millis(5);
/// Letters to neighbours that may wait.
const LETTERS: usize = 10_000;
/// Bytes of letters that may wait: clients choose much of what is in them, while Redis may be away for long.
const LETTER_BYTES: usize = 32 << 20;

/// Hears benches. Called on the thread of this room, which does nothing else meanwhile.
pub trait BenchEar: Send + Sync {
    /// Frappe has published something. Whether more should wait a little.
    fn published(&self, bench: &Bench, payload: &[u8]) -> bool;

    /// A Postroom of this bench has told something; itself too.
    fn told(&self, bench: &Bench, payload: &[u8]);

    /// The bench is heard (again); what was published before may have been missed.
    fn reached(&self, bench: &Bench);

    /// Two seconds have passed in which the bench was heard: the neighbours are to be told that this Postroom is there.
    fn beat(&self, bench: &Bench);

    /// Whether more should wait still.
    fn is_pressed(&self, bench: &Bench) -> bool;
}

/// The Redis of one bench.
pub struct Bench {
    name: Secret,
    reach: Reach,
    letters: mpsc::Sender<Letter>,
    /// Bytes of the letters that wait.
    unsent: AtomicUsize,
    secret: Mutex<Known>,
    reached: AtomicBool,
    /// Letters to neighbours were lost.
    lost: AtomicBool,
}

/// The secret, as far as it was read last.
#[derive(Default)]
struct Known {
    secret: Option<Secret>,
    is_read: bool,
    /// When Redis did not answer in time.
    late: Option<Instant>,
}

impl Known {
    fn is_to_be_asked(&self) -> bool {
        !self.is_read || self.late.is_none_or(|late| late.elapsed() > PATIENCE)
    }
}

/// What is to be done, in order.
enum Letter {
    Publish {
        channel: &'static str,
        payload: Vec<u8>,
    },
    /// To say that everything before it is done.
    Done(oneshot::Sender<()>),
}

impl Bench {
    pub(super) fn open(
        thread: &CallThread,
        url: &Secret,
        ear: Arc<dyn BenchEar>,
    ) -> Result<Arc<Self>, String> {
        let (letters, waiting) = mpsc::channel(LETTERS);
        let bench = Arc::new(Self {
            name: url.clone(),
            reach: Reach::new(url)?,
            letters,
            unsent: AtomicUsize::new(0),
            secret: Mutex::default(),
            reached: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        });
        // Both end with the thread.
        thread.spawn(hear(Arc::clone(&bench), ear));
        thread.spawn(post(Arc::clone(&bench), waiting));
        Ok(bench)
    }

    /// Its name: the address of its Redis.
    #[must_use]
    pub fn name(&self) -> &Secret {
        &self.name
    }

    /// Whether what it publishes is heard at the moment.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Tells the other Postrooms of this bench something. Nobody is waited for; nothing is kept for those who are away.
    pub fn tell(&self, payload: Vec<u8>) {
        if !self.post(NEIGHBOURS, payload) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there is room for one more letter.
    fn post(&self, channel: &'static str, payload: Vec<u8>) -> bool {
        let long = payload.len();
        let fits = self.unsent.fetch_add(long, Ordering::Relaxed) + long <= LETTER_BYTES;
        let posted = fits && self.letters.try_send(Letter::Publish { channel, payload }).is_ok();
        if !posted {
            self.unsent.fetch_sub(long, Ordering::Relaxed);
        }
        posted
    }

    /// Whether the neighbours were not told everything since this was asked last: all of it is to be told anew.
    pub fn has_lost_letters(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }

    /// Waits until everything was told, as far as Redis takes it.
    pub(super) async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        if self.letters.send(Letter::Done(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }

    /// Asks the build watcher of the bench to open a file.
    pub fn open_in_editor(&self, payload: Vec<u8>) {
        let _ = self.post(EDITOR, payload);
    }

    /// The secret as it is now; as it was, where Redis does not say. `None`: there is none, as before version 16.
    pub(super) async fn secret(&self) -> Option<Secret> {
        if !self.known().is_to_be_asked() {
            return self.known().secret.clone();
        }
        let mut command = redis::cmd("GET");
        let asked = timeout(PATIENCE, self.reach.ask::<Option<String>>(command.arg(SECRET_KEY))).await;
        let mut known = self.known();
        match asked {
            Ok(Ok(secret)) => *known = Known { secret: secret.map(Secret::new), is_read: true, late: None },
            Ok(Err(error)) => {
                tracing::debug!(%error, "the secret of a bench could not be read");
                known.late = error.is_timeout().then(Instant::now);
            }
            Err(_) => {
                tracing::debug!("the secret of a bench could not be read in time");
                known.late = Some(Instant::now());
            }
        }
        known.secret.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.secret.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears the bench for as long as it is polled.
async fn hear(bench: Arc<Bench>, ear: Arc<dyn BenchEar>) {
    let (mut pause, mut said) = (PAUSE.0, false);
    loop {
        let began = Instant::now();
        let why = match bench.reach.hear(EVENTS, NEIGHBOURS).await {
            Ok(stream) => {
                if std::mem::take(&mut said) {
                    tracing::info!("the Redis of a bench is back");
                }
                bench.reach.renew().await;
                bench.reached.store(true, Ordering::Relaxed);
                ear.reached(&bench);
                listen(&bench, &*ear, stream).await
            }
            Err(error) => error.to_string(),
        };
        bench.reached.store(false, Ordering::Relaxed);
        if !std::mem::replace(&mut said, true) {
            tracing::warn!(%why, "the Redis of a bench (redis_queue) is away: its events are not heard until it is back");
        }
        pause = if began.elapsed() > DEAF { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
        sleep(pause).await;
    }
}

/// Until the connection is lost; why.
async fn listen(bench: &Bench, ear: &dyn BenchEar, stream: redis::aio::PubSub) -> String {
    let mut stream = stream.into_on_message();
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Until the first letter of its own: it may be forbidden to write any.
    let (mut heard, mut pent) = (None::<Instant>, Pent::default());
    loop {
        tokio::select! {
            message = stream.next() => {
                let Some(message) = message else { return "the connection was closed".to_owned() };
                if message.get_channel_name() == NEIGHBOURS {
                    heard = Some(Instant::now());
                    ear.told(bench, message.get_payload_bytes());
                } else if !pent.put(message) {
                    return "more is published than the workers can send".to_owned();
                }
            }
            () = sleep(LOOK), if !pent.is_empty() => {}
            _ = beat.tick() => {
                if heard.is_some_and(|heard| heard.elapsed() > DEAF) {
                    return "nothing is heard any more".to_owned();
                }
                ear.beat(bench);
            }
        }
        while let Some(message) = pent.next(std::time::Instant::now(), || ear.is_pressed(bench)) {
            let pressed = ear.published(bench, message.get_payload_bytes());
            pent.pause(std::time::Instant::now(), pressed);
        }
    }
}

/// Publishes what is to be told, in order, for as long as it is polled.
async fn post(bench: Arc<Bench>, mut letters: mpsc::Receiver<Letter>) {
    while let Some(letter) = letters.recv().await {
        match letter {
            Letter::Publish { channel, payload } => {
                publish(&bench, channel, &payload).await;
                bench.unsent.fetch_sub(payload.len(), Ordering::Relaxed);
            }
            Letter::Done(done) => drop(done.send(())),
        }
    }
}

async fn publish(bench: &Bench, channel: &'static str, payload: &[u8]) {
    let told = bench.reach.ask::<()>(redis::cmd("PUBLISH").arg(channel).arg(payload)).await;
    if let Err(error) = told {
        tracing::debug!(%error, channel, "not published in the Redis of a bench");
        if channel == NEIGHBOURS {
            bench.lost.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_an_end_to_what_waits_for_redis() {
        let (letters, mut waiting) = mpsc::channel(LETTERS);
        let bench = Bench {
            name: Secret::new("here"),
            reach: Reach::new(&Secret::new("redis://127.0.0.1:1")).unwrap(),
            letters,
            unsent: AtomicUsize::new(0),
            secret: Mutex::default(),
            reached: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        };
        let bench = Arc::new(bench);
        for _ in 0..2 {
            bench.tell(vec![b'x'; LETTER_BYTES / 2]);
            assert!(!bench.has_lost_letters());
        }
        bench.tell(vec![b'x']);
        assert!(bench.has_lost_letters());
        let mut posted = 0;
        while let Ok(Letter::Publish { payload, .. }) = waiting.try_recv() {
            posted += payload.len();
        }
        assert_eq!(posted, LETTER_BYTES);
        // Once they are posted, in vain or not, there is room again.
        let (letters, waiting) = mpsc::channel(1);
        letters.try_send(Letter::Publish { channel: NEIGHBOURS, payload: vec![0; LETTER_BYTES] }).unwrap();
        drop(letters);
        post(Arc::clone(&bench), waiting).await;
        assert!(bench.post(EDITOR, vec![b'x']) && bench.unsent.load(Ordering::Relaxed) == 1);
    }
}

//! Ears: to which rooms this node listens, and since when it hears them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ahash::AHashMap;
use tokio::sync::{mpsc, watch};

use super::channels::Name;

/// How long a room is still listened to after the last session has left it: a page that is loaded anew comes back to it.
const LINGER: Duration = Duration::from_secs(5);

/// The rooms to which this node listens, as the workers say; shared by all threads.
pub(super) struct Ears {
    ears: Mutex<AHashMap<Name, Ear>>,
    opened: mpsc::UnboundedSender<Opened>,
}

/// A room that is listened to from now on. Told `true` when what is published to it arrives.
pub(super) struct Opened {
    pub(super) name: Name,
    pub(super) in_force: Arc<watch::Sender<bool>>,
}

struct Ear {
    /// How many workers have sessions there.
    workers: usize,
    in_force: Arc<watch::Sender<bool>>,
    /// Since when none has.
    idle: Option<Instant>,
}

impl Ears {
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Opened>) {
        let (opened, receiver) = mpsc::unbounded_channel();
        let ears = Self { ears: Mutex::default(), opened };
        // Never closed: everybody hears what is for everybody.
        ears.open(std::iter::once(Name::default()));
        (Arc::new(ears), receiver)
    }

    /// A worker listens to these.
    pub(super) fn open(&self, names: impl Iterator<Item = Name>) {
        let mut ears = self.lock();
        for name in names {
            let ear = ears.entry(name.clone()).or_insert_with(|| {
                let in_force = Arc::new(watch::Sender::new(false));
                // In the order in which they were opened and swept, since the lock is held.
                let _ = self.opened.send(Opened { name, in_force: Arc::clone(&in_force) });
                Ear { workers: 0, in_force, idle: None }
            });
            ear.workers += 1;
            ear.idle = None;
        }
    }

    /// A worker does not listen to these any more.
    pub(super) fn close(&self, names: impl Iterator<Item = Name>) {
        let mut ears = self.lock();
        for name in names {
            let Some(ear) = ears.get_mut(&name) else { continue };
            ear.workers = ear.workers.saturating_sub(1);
            ear.idle = (ear.workers == 0).then(Instant::now);
        }
    }

    /// Of these, what is not heard yet.
    pub(super) fn not_in_force(&self, names: impl Iterator<Item = Name>) -> Vec<watch::Receiver<bool>> {
        let ears = self.lock();
        let known = names.chain([Name::default()]).filter_map(|name| ears.get(&name));
        known.filter(|ear| !*ear.in_force.borrow()).map(|ear| ear.in_force.subscribe()).collect()
    }

    /// Forgets the rooms that have had no sessions for a while.
    pub(super) fn sweep(&self, now: Instant) -> Vec<Name> {
        let mut gone = Vec::new();
        self.lock().retain(|name, ear| {
            let stays = ear.idle.is_none_or(|since| now.saturating_duration_since(since) < LINGER);
            if !stays {
                gone.push(name.clone());
            }
            stays
        });
        gone
    }

    fn lock(&self) -> MutexGuard<'_, AHashMap<Name, Ear>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &[u8]) -> impl Iterator<Item = Name> {
        std::iter::once(Name::from(name))
    }

    #[test]
    fn a_room_is_opened_by_the_first_worker_and_swept_a_while_after_the_last() {
        let (ears, mut opened) = Ears::new();
        let mut next = || opened.try_recv().ok().map(|opened| opened.name);
        assert_eq!(next().as_deref(), Some(&b""[..]));
        ears.open(one(b"a"));
        ears.open(one(b"a"));
        assert_eq!((next().as_deref(), next()), (Some(&b"a"[..]), None));
        let later = || Instant::now() + LINGER;
        ears.close(one(b"a"));
        assert_eq!(ears.sweep(later()), []);
        ears.close(one(b"a"));
        assert_eq!(ears.sweep(Instant::now()), []);
        // Somebody comes back in time.
        ears.open(one(b"a"));
        assert_eq!((ears.sweep(later()).len(), next()), (0, None));
        ears.close(one(b"a"));
        assert_eq!(ears.sweep(later()), [Name::from(&b"a"[..])]);
        ears.open(one(b"a"));
        assert_eq!(next().as_deref(), Some(&b"a"[..]));
    }

    #[test]
    fn what_is_not_heard_yet_is_waited_for_with_what_is_for_everybody() {
        let (ears, mut opened) = Ears::new();
        ears.open(one(b"a"));
        let waits = |name: &[u8]| ears.not_in_force(one(name)).len();
        assert_eq!((waits(b"a"), waits(b"unknown")), (2, 1));
        while let Ok(opened) = opened.try_recv() {
            opened.in_force.send_replace(true);
        }
        assert_eq!(waits(b"a"), 0);
    }
}

//! What was sent, and what became of it at each device.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// An ack that came so shortly before a crash may be forgotten: the store writes acks back once a second, and the
/// machine may be busy.
pub const FORGETTABLE: Duration = Duration::from_secs(3);

/// So long an ack may be on its way within the gateway, while the device is back already on another worker.
pub const UNDER_WAY: Duration = Duration::from_millis(200);

/// Who sent it, and its number among what that one sent.
pub type Name = (usize, u64);

/// A message at one device.
#[derive(Debug, Default)]
struct Copy {
    acked: Option<Instant>,
    /// The ack may have been lost: it may come again, but need not.
    unsure: bool,
}

#[derive(Default)]
struct Pages {
    /// Accepted messages of each sender, in their order.
    accepted: HashMap<usize, Vec<u64>>,
    copies: HashMap<(usize, Name), Copy>,
    deliveries: usize,
    again: usize,
    broken: Vec<String>,
}

/// The ledger. `reach[sender]` are the devices that the sender's room reaches.
pub struct Ledger {
    pages: Mutex<Pages>,
    reach: Vec<Vec<usize>>,
    changed: Notify,
    /// A store that may lose what it has not promised yet may also be given it, and deliver it, a second time.
    twice: AtomicBool,
}

impl Ledger {
    pub fn new(reach: Vec<Vec<usize>>) -> Self {
        Self { pages: Mutex::default(), reach, changed: Notify::new(), twice: AtomicBool::default() }
    }

    /// From now on a message may come more than once.
    pub fn allow_twice(&self) {
        self.twice.store(true, Ordering::SeqCst);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    pub fn reach(&self, sender: usize) -> usize {
        self.reach[sender].len()
    }

    /// Something that must not be.
    pub fn complain(&self, what: String) {
        self.pages().broken.push(what);
        self.changed.notify_one();
    }

    /// It was answered with 2xx.
    pub fn accepted(&self, (sender, number): Name) {
        self.pages().accepted.entry(sender).or_default().push(number);
    }

    /// A device got a message. `here` is what it got in this session before.
    pub fn delivered(&self, device: usize, name: Name, here: &mut HashSet<Name>) {
        let mut pages = self.pages();
        let pages = &mut *pages;
        pages.deliveries += 1;
        let (sender, number) = name;
        let twice = self.twice.load(Ordering::SeqCst);
        let mut wrong = Vec::new();
        if !here.insert(name) {
            if twice {
                return;
            }
            wrong.push("twice in one session");
        }
        // A sender goes on only when it has its answer; what was not accepted may come whenever it likes.
        let accepted = pages.accepted.get(&sender).is_some_and(|all| all.binary_search(&number).is_ok());
        if accepted && here.iter().any(|(other, later)| *other == sender && *later > number) {
            wrong.push("behind a later one");
        }
        let copy = pages.copies.entry((device, name)).or_default();
        if copy.acked.is_some() {
            pages.again += 1;
            if !copy.unsure && !twice {
                wrong.push("again, though acked long ago");
            }
            // The earlier ack may have arrived all the same.
            copy.unsure = true;
        }
        // Everything earlier must have come in this session, or be settled.
        for earlier in pages.accepted.get(&sender).into_iter().flatten().filter(|earlier| **earlier < number)
        {
            let name = (sender, *earlier);
            let settled = pages.copies.get(&(device, name)).is_some_and(|copy| copy.acked.is_some());
            if !settled && !here.contains(&name) {
                wrong.push("before an earlier one");
                break;
            }
        }
        pages.broken.extend(wrong.into_iter().map(|how| format!("device {device} got {name:?} {how}")));
    }

    /// A device has acknowledged; `sure` where the writing went well.
    pub fn acked(&self, device: usize, names: &[Name], sure: bool) {
        let mut pages = self.pages();
        for name in names {
            let copy = Copy { acked: Some(Instant::now()), unsure: !sure };
            pages.copies.insert((device, *name), copy);
        }
        drop(pages);
        self.changed.notify_one();
    }

    /// Acks of the time before `at` may be lost, or not be known yet: of this device, or of all.
    pub fn doubt(&self, device: Option<usize>, at: Instant, before: Duration) {
        for ((whose, _), copy) in &mut self.pages().copies {
            let concerned = device.is_none_or(|device| device == *whose);
            if concerned && copy.acked.is_some_and(|acked| acked + before > at) {
                copy.unsure = true;
            }
        }
    }

    /// What was accepted and is not acked by a device that it was for.
    fn missing(&self) -> Vec<(usize, Name)> {
        let pages = self.pages();
        let accepted =
            pages.accepted.iter().flat_map(|(sender, all)| all.iter().map(|number| (*sender, *number)));
        let due = accepted.flat_map(|name| self.reach[name.0].iter().map(move |device| (*device, name)));
        due.filter(|key| pages.copies.get(key).is_none_or(|copy| copy.acked.is_none())).collect()
    }

    /// Waits until every device has acked everything that was accepted.
    pub async fn complete(&self, limit: Duration) {
        let all = async {
            while !self.missing().is_empty() {
                self.changed.notified().await;
                self.check();
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            let missing = self.missing();
            panic!(
                "{} never came or never came again: {:?}",
                missing.len(),
                &missing[..missing.len().min(20)]
            );
        }
    }

    /// Nothing was wrong so far.
    pub fn check(&self) {
        let pages = self.pages();
        assert!(
            pages.broken.is_empty(),
            "{} wrong: {:#?}",
            pages.broken.len(),
            &pages.broken[..pages.broken.len().min(10)]
        );
    }

    /// In words, and that there was enough of it to mean something.
    pub fn sum(&self) -> (usize, usize, usize) {
        let pages = self.pages();
        (pages.accepted.values().map(Vec::len).sum(), pages.deliveries, pages.again)
    }
}

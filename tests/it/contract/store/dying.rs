//! The embedded store when something in it breaks: nobody waits for ever, and nobody suffers for another.

use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use postroom::domain::*;
use postroom::store::sqlite::{SqliteOptions, SqliteStore};
use postroom::store::*;
use tempfile::TempDir;

use super::rig::*;

/// Panics once, at the first event that `breaks` takes, as soon as `go` says so.
struct Fragile {
    recorder: Arc<Recorder>,
    breaks: fn(&StoreEvent) -> bool,
    go: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    reached: AtomicBool,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Outlet for Fragile {
    fn deliver(&self, worker: WorkerId, events: Vec<StoreEvent>) {
        if events.iter().any(self.breaks) && !self.go.reached.swap(true, Ordering::SeqCst) {
            drop(self.go.opened.wait_while(self.go.open.lock().unwrap(), |open| !*open).unwrap());
            panic!("a bug, for a test");
        }
        self.recorder.deliver(worker, events);
    }
}

struct Broken {
    dir: TempDir,
    breaks: fn(&StoreEvent) -> bool,
    go: Arc<Gate>,
}

impl Broken {
    fn at(breaks: fn(&StoreEvent) -> bool) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), breaks, go: Arc::default() }
    }
}

impl Backend for Broken {
    fn open(&self, recorder: Arc<Recorder>, ttl: DeviceTtl) -> Box<dyn Store> {
        let options = SqliteOptions::new(self.dir.path(), Durability::Full, ttl);
        let outlet = Fragile { recorder, breaks: self.breaks, go: Arc::clone(&self.go) };
        Box::new(SqliteStore::open(&options, Arc::new(outlet)).unwrap())
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_writer_that_dies_answers_everybody_and_is_not_healthy() {
    let backend = Broken::at(|event| matches!(event, StoreEvent::Appended { token: 1, .. }));
    let mut rig = Rig::new(&backend);
    let (a, _) = rig.connect(session(1, 0), "a", &["user_1"]);
    let under_way = rig.post(message("[1]", &["user_1"]));
    until("the bug", || backend.go.reached.load(Ordering::SeqCst));
    let waiting = rig.post(message("[2]", &["user_1"]));
    let (session, rooms) = (session(1, 1), vec![room("user_1")]);
    rig.store().connect(Connect { session, device: key("b"), rooms, limit: WIDE });
    backend.go.open();
    assert_eq!(rig.answer(under_way), Err(StoreError::Closed));
    assert_eq!(rig.answer(waiting), Err(StoreError::Closed));
    rig.recorder.take("ConnectFailed", |_, event| match event {
        StoreEvent::ConnectFailed { session: s, error: StoreError::Closed } if *s == session => Some(()),
        _ => None,
    });
    assert_eq!(rig.store().health(), Err(StoreError::Closed));
    let late = rig.post(message("[3]", &["user_1"]));
    assert_eq!(rig.answer(late), Err(StoreError::Closed));
    rig.reopen(true);
    assert_eq!(rig.texts(a), ["[1]"], "it was durable, although nobody could be told");
}

#[test]
fn without_its_reader_the_store_is_not_healthy() {
    let backend =
        Broken::at(|event| matches!(event, StoreEvent::Page { page, .. } if !page.entries.is_empty()));
    backend.go.open();
    let mut rig = Rig::new(&backend);
    let (device, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    rig.store().read(Read { session: session(0, 0), device, after: Seq(0), limit: WIDE });
    until("the store to fail", || rig.store().health() == Err(StoreError::Closed));
    rig.reopen(true);
    assert_eq!(rig.texts(device), ["[1]"]);
}

/// Cuts the body of the first message that consists of `word`s in two.
fn damage(dir: &TempDir, word: &[u8]) {
    let path = dir.path().join("postroom.db");
    let bytes = fs::read(&path).unwrap();
    let page = bytes.chunks(4096).position(|page| {
        page[4..].chunks_exact(4).all(|four| {
            // Where in a word a page begins is not known.
            (0..4).any(|turn| {
                let mut word = word.to_vec();
                word.rotate_left(turn);
                word == four
            })
        })
    });
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // Such a page begins with the number of the next one.
    file.write_all_at(&[0x7f; 4], page.unwrap() as u64 * 4096).unwrap();
}

#[test]
fn one_body_that_cannot_be_read_holds_up_nobody_else() {
    let backend = Broken::at(|_| false);
    let mut rig = Rig::new(&backend);
    let (bad, _) = rig.connect(session(0, 0), "bad", &["bad"]);
    let (good, _) = rig.connect(session(0, 1), "good", &["good"]);
    rig.send(message(&format!("[\"{}\"]", "BAD!".repeat(25_000)), &["bad"]));
    rig.send(message(&format!("[\"{}\"]", "good".repeat(25_000)), &["good"]));
    rig.store().close();
    damage(&backend.dir, b"BAD!");
    rig.reopen(true);
    let read = |slot, device| {
        rig.store().read(Read { session: session(0, slot), device, after: Seq(0), limit: WIDE });
    };
    (1..=3).for_each(|slot| read(slot, bad));
    read(9, good);
    let page = |slot| {
        rig.recorder.take("Page", |_, event| match event {
            StoreEvent::Page { session: s, page } if *s == session(0, slot) => Some(page.clone()),
            _ => None,
        })
    };
    assert_eq!(page(9).entries.len(), 1);
    assert!(rig.recorder.log(0).is_empty(), "those that cannot be answered well wait, and only they");
    for slot in 1..=3 {
        let page = page(slot);
        assert!(page.more && page.entries.is_empty() && page.through == Seq(0));
    }
}

//! The embedded store: the contract, and what only it can show.

use std::sync::Arc;

use postroom::domain::*;
use postroom::store::sqlite::{MaxWaiting, SqliteOptions, SqliteStore};
use postroom::store::*;
use tempfile::TempDir;

use super::contract;
use super::rig::*;

/// One data directory.
pub(super) struct Sqlite {
    dir: TempDir,
    max_waiting: MaxWaiting,
    max_pages: Option<u32>,
}

impl Default for Sqlite {
    fn default() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, max_waiting: MaxWaiting::default(), max_pages: None }
    }
}

impl Backend for Sqlite {
    fn open(&self, outlet: Arc<Recorder>, ttl: DeviceTtl) -> Box<dyn Store> {
        let options = SqliteOptions {
            max_waiting: self.max_waiting,
            max_pages: self.max_pages,
            ..SqliteOptions::new(self.dir.path(), Durability::Full, ttl)
        };
        Box::new(SqliteStore::open(&options, outlet).unwrap())
    }
}

contract!(crate::contract::store::sqlite::Sqlite::default);

#[test]
fn beyond_what_may_wait_messages_are_refused_at_once_and_nothing_else_is() {
    for max_waiting in
        [MaxWaiting { messages: 3, bytes: 1 << 20 }, MaxWaiting { messages: 100, bytes: 3 * 300 }]
    {
        let backend = Sqlite { max_waiting, ..Sqlite::default() };
        let mut rig = Rig::new(&backend);
        let (a, _) = rig.connect(session(1, 0), "a", &["user_1"]);
        rig.recorder.hold(1);
        assert_eq!(rig.post(message("[1]", &["user_1"])), 1);
        rig.recorder.reached_hold();
        let waiting: Vec<u32> = (2..5).map(|n| rig.post(message(&format!("[{n}]"), &["user_1"]))).collect();
        let refused = rig.post(message("[5]", &["user_1"]));
        assert_eq!(rig.answer(refused), Err(StoreError::Overloaded));
        // Not for what another site has waiting.
        let other = rig.post(Message { site: site("other"), ..message("[6]", &["user_1"]) });
        rig.store().acknowledge(vec![Ack::Resynced(a, LAST)]);
        rig.store().disconnect(Disconnect { session: session(1, 0) });
        rig.recorder.release();
        for token in [1].into_iter().chain(waiting) {
            assert_eq!(rig.answer(token).unwrap().queued, 1);
        }
        assert_eq!(rig.answer(other).unwrap().queued, 0);
        rig.settle();
        assert_eq!(rig.balance().online, 0);
        assert_eq!(rig.texts(a), ["[1]", "[2]", "[3]", "[4]"]);
    }
}

#[test]
fn messages_that_do_not_all_find_room_are_refused_together_unless_nothing_else_waits() {
    let backend = Sqlite { max_waiting: MaxWaiting { messages: 3, bytes: 1 << 20 }, ..Sqlite::default() };
    let mut rig = Rig::new(&backend);
    let (a, _) = rig.connect(session(1, 0), "a", &["user_1"]);
    let some = |from: u32, count: u32| {
        (from..from + count).map(|n| message(&format!("[{n}]"), &["user_1"])).collect::<Vec<_>>()
    };
    rig.recorder.hold(1);
    rig.post(message("[1]", &["user_1"]));
    rig.recorder.reached_hold();
    let first = rig.post_all(some(2, 2));
    let refused = rig.post_all(some(10, 2));
    assert_eq!(rig.answers(refused), vec![Err(StoreError::Overloaded); 2]);
    let last = rig.post(message("[4]", &["user_1"]));
    rig.recorder.release();
    assert!(rig.answers(first).iter().all(Result::is_ok));
    rig.answer(last).unwrap();
    assert_eq!(rig.send_all(some(5, 5)).len(), 5);
    assert_eq!(rig.texts(a), (1..10).map(|n| format!("[{n}]")).collect::<Vec<_>>());
}

#[test]
fn messages_that_cannot_all_be_written_are_not_kept_at_all() {
    let backend = Sqlite { max_pages: Some(64), ..Sqlite::default() };
    let mut rig = Rig::new(&backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let large = format!("[\"{}\"]", "x".repeat(10_000));
    let mut messages = vec![message(&large, &["user_1"]); 100];
    messages.push(message(&large, &["nobody is here"]));
    let token = rig.post_all(messages);
    let outcomes = rig.answers(token);
    let (nobody, others) = outcomes.split_last().unwrap();
    assert!(
        others.len() == 100 && others.iter().all(|o| matches!(o, Err(StoreError::Write(_)))),
        "{others:?}"
    );
    assert_eq!(nobody.as_ref().unwrap().devices, 0);
    assert!(rig.texts(a).is_empty() && rig.live(0, a).is_empty());
    assert_eq!(rig.send_all(vec![message("[1]", &["user_1"])])[0].queued, 1);
}

#[test]
fn a_full_disk_is_told_and_acks_make_room_again() {
    let backend = Sqlite { max_pages: Some(64), ..Sqlite::default() };
    let mut rig = Rig::new(&backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let large = format!("[\"{}\"]", "x".repeat(10_000));
    let mut kept = 0;
    let error = loop {
        let token = rig.post(message(&large, &["user_1"]));
        match rig.answer(token) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100);
    };
    assert!(matches!(&error, StoreError::Write(text) if text.contains("full")), "{error:?}");
    assert_eq!(rig.store().health(), Err(error));
    assert_eq!(
        (rig.balance().queued, rig.texts(a).len(), rig.live(0, a).len()),
        (kept, kept as usize, kept as usize)
    );
    let seqs: Vec<Seq> = rig.live(0, a).into_iter().map(|(seq, _)| seq).collect();
    rig.store().acknowledge(vec![Ack::Through(a, seqs[seqs.len() / 2])]);
    assert_eq!(rig.send(message(&large, &["user_1"])).queued, 1);
    assert_eq!(rig.store().health(), Ok(()));
    let left = rig.texts(a).len();
    rig.reopen(true);
    assert_eq!(rig.texts(a).len(), left);
}

#[test]
fn what_cannot_be_written_leaves_no_trace_and_the_store_recovers_by_itself() {
    let backend = Sqlite::default();
    let mut rig = Rig::new(&backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["user_1"]);
    let three = QueueBounds { max_messages: 3, max_bytes: 1000, policy: BoundPolicy::Resync };
    let drop_oldest = QueueBounds { policy: BoundPolicy::DropOldest, ..three };
    for n in 1..=3 {
        rig.send(message(&format!("[{n}]"), &["user_1"]));
    }
    let before = rig.balance();
    // Another program holds the file.
    let other = rusqlite::Connection::open(backend.dir.path().join("postroom.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failing = [
        message("[4]", &["user_1"]),
        Message { bounds: three, ..message("[5]", &["user_1"]) },
        Message { bounds: drop_oldest, ..message("[6]", &["user_1"]) },
    ];
    for message in failing {
        let token = rig.post(message);
        assert!(matches!(rig.answer(token), Err(StoreError::Write(_))));
    }
    let (session, rooms) = (session(0, 7), vec![room("user_1")]);
    rig.store().connect(Connect { session, device: key("b"), rooms, limit: WIDE });
    rig.recorder.take("ConnectFailed", |_, event| match event {
        StoreEvent::ConnectFailed { session: s, error: StoreError::Write(_) } if *s == session => Some(()),
        _ => None,
    });
    assert!(rig.store().health().is_err());
    assert_eq!(rig.balance(), before);
    assert_eq!((rig.texts(a), rig.live(0, a).len(), rig.resyncs(0).len()), (texts(&[1, 2, 3]), 3, 0));
    let seq = rig.live(0, a)[0].0;
    rig.ack(&[Ack::Entry(a, seq)]);
    other.execute_batch("ROLLBACK").unwrap();
    // Nobody asks for anything, and still it comes back.
    while rig.store().health().is_err() {
        rig.recorder.quiet(std::time::Duration::from_millis(20));
    }
    rig.reopen(true);
    assert_eq!(rig.texts(a), texts(&[2, 3]));
    assert_eq!(rig.balance().devices, 1);
}

fn texts(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| format!("[{n}]")).collect()
}

#[test]
fn a_directory_is_used_by_one_store_at_a_time() {
    let backend = Sqlite::default();
    let mut rig = Rig::new(&backend);
    let options = SqliteOptions::new(backend.dir.path(), Durability::Full, DeviceTtl::Never);
    let open = || SqliteStore::open(&options, Arc::new(Recorder::default()));
    let refusal = open().err().unwrap();
    assert!(matches!(&refusal, StoreError::Open(text) if text.contains("--data")), "{refusal}");
    rig.send(message("[1]", &["user_1"]));
    rig.store().close();
    assert!(open().is_ok());
}

#[test]
fn expiries_are_gathered_however_busy_the_store_is() {
    let backend = Sqlite::default();
    let ttl = DeviceTtl::After(std::time::Duration::from_millis(1));
    let mut rig = Rig::with_ttl(&backend, ttl);
    let begin = std::time::Instant::now();
    let mut sweeps = 0;
    let mut gone = |rig: &Rig<'_>, known: u64| {
        let now = rig.balance().devices;
        sweeps += u64::from(now < known);
        now
    };
    let mut known = 0;
    for slot in 0..50 {
        rig.connect(session(0, slot), &slot.to_string(), &["all"]);
        rig.disconnect(session(0, slot));
        known = gone(&rig, known + 1);
        rig.recorder.quiet(std::time::Duration::from_millis(2));
        rig.send(message("[1]", &["all"]));
        known = gone(&rig, known);
    }
    rig.until("the end of all", |c| c.devices == 0);
    gone(&rig, known);
    let most = begin.elapsed().as_secs() + 1;
    assert!(sweeps <= most, "{sweeps} sweeps, {most} are enough");
}

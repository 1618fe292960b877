//! A server that refuses every write for a while: too few replicas, or a disk that is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom::domain::*;
use postroom::store::*;

use super::super::rig::*;
use super::bench::Place;
use crate::support::redis::RedisServer;

#[test]
fn reading_on_and_leaving_wait_until_the_server_takes_writes_again() {
    let server = Arc::new(RedisServer::start());
    let place = Place::on(Arc::clone(&server), "");
    let mut rig = Rig::new(&place);
    let (reads, _) = rig.connect(session(0, 1), "reads", &["user_1"]);
    rig.connect(session(0, 2), "leaves", &["user_1"]);
    rig.send(message("[1]", &["user_1"]));
    let refuse =
        |replicas: &str| assert_eq!(server.cli(&["CONFIG", "SET", "min-replicas-to-write", replicas]), "OK");

    refuse("1");
    rig.store().read(Read { session: session(0, 1), device: reads, after: Seq(0), limit: WIDE });
    rig.store().disconnect(Disconnect { session: session(0, 2) });
    let token = rig.post(message("[2]", &["user_1"]));
    let refused = rig.recorder.take("Appended", |_, event| match event {
        StoreEvent::Appended { token: t, outcome } if *t == token => Some(outcome.is_err()),
        _ => None,
    });
    assert!(refused);
    // Nobody is sent away.
    let lost = |event: &StoreEvent| matches!(event, StoreEvent::Lost { .. } | StoreEvent::Page { .. });
    assert!(!rig.recorder.log(0).iter().any(lost), "{:?}", rig.recorder.log(0));

    refuse("0");
    let page = rig.recorder.take("Page", |_, event| match event {
        StoreEvent::Page { page, .. } => Some(page.clone()),
        _ => None,
    });
    assert_eq!(page.entries.first().map(|(_, event)| text(event)).as_deref(), Some("[1]"));
    rig.until("one of the two is away", |counters| counters.online == 1);
}

#[test]
fn out_of_memory_reads_and_acks_go_on_whatever_else_is_refused() {
    let server = Arc::new(RedisServer::start());
    let place = Place::on(Arc::clone(&server), "");
    let mut rig = Rig::new(&place);
    let (reads, _) = rig.connect(session(0, 1), "reads", &["user_1"]);
    for n in 0..3 {
        rig.send(message(&format!("[{n}]"), &["user_1"]));
    }
    let memory = |bytes: &str| assert_eq!(server.cli(&["CONFIG", "SET", "maxmemory", bytes]), "OK");

    memory("1");
    // A device in rooms whose homes are other shards: they have to be told first, and must not be.
    let names: Vec<Room> = (0..40).map(|n| room(&format!("room {n}"))).collect();
    for slot in 2..8 {
        let device = DeviceKey { primary: format!("user_{slot}").into(), ..key("new") };
        let (session, rooms) = (session(0, slot), names.clone());
        rig.store().connect(Connect { session, device, rooms, limit: WIDE });
        rig.recorder.take("ConnectFailed", |_, event| match event {
            StoreEvent::ConnectFailed { session: s, .. } if *s == session => Some(()),
            _ => None,
        });
    }
    assert_eq!(rig.read(session(0, 1), reads, Seq(0), WIDE).entries.len(), 3);
    rig.store().acknowledge(vec![Ack::Through(reads, LAST)]);
    rig.until("room is made", |counters| counters.queued == 0);
    let token = rig.post(message("[3]", &["user_1"]));
    let refused = rig.recorder.take("Appended", |_, event| match event {
        StoreEvent::Appended { token: t, outcome } if *t == token => Some(outcome.clone()),
        _ => None,
    });
    assert!(matches!(&refused, Err(StoreError::Write(text)) if text.contains("OOM")), "{refused:?}");

    memory("0");
    rig.connect_with(session(0, 9), key("new"), &["room 1", "room 2"], WIDE);
    assert_eq!(rig.send(message("[4]", &["room 1"])).queued, 1);
    assert_eq!(rig.texts(reads), Vec::<String>::new());
}

#[test]
fn replicas_that_are_missing_hold_up_nobody_but_messages() {
    let server = Arc::new(RedisServer::start());
    let place = Place::on(Arc::clone(&server), "").with_shards(16).with_replicas(1);
    let mut rig = Rig::new(&place);
    let unsure = |rig: &Rig<'_>, token: u32| {
        let outcome = rig.recorder.take("Appended", |_, event| match event {
            StoreEvent::Appended { token: t, outcome } if *t == token => Some(outcome.clone()),
            _ => None,
        });
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    };
    let first = rig.post(message("[0]", &["user_1"]));
    unsure(&rig, first);
    let begin = Instant::now();
    let tokens: Vec<u32> = (0..64).map(|user| rig.post(message("[1]", &[&format!("user_{user}")]))).collect();
    for user in 0..64 {
        let device = DeviceKey { primary: format!("user_{user}").into(), ..key("a") };
        rig.connect_with(session(0, user), device, &[&format!("user_{user}")], WIDE);
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    for token in tokens {
        unsure(&rig, token);
    }
}

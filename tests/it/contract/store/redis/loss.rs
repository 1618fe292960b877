//! A server that has lost something, while two nodes live on.

use std::time::Duration;

use postroom::domain::*;
use postroom::store::*;

use super::super::rig::*;
use super::bench::Place;
use crate::support::redis::RedisServer;

/// One shard, and ticks that come only when they are asked for.
fn place(server: &RedisServer) -> Place {
    Place::at(server).with_shards(1).with_lease(Duration::from_mins(10))
}

fn of(user: &str) -> DeviceKey {
    DeviceKey { primary: user.into(), ..key("a") }
}

/// What comes later is gone when the server is started again.
fn save(server: &RedisServer) {
    assert_eq!(server.cli(&["SAVE"]), "OK");
}

fn is_lost(rig: &Rig<'_>, session: SessionRef) -> bool {
    rig.recorder.log(0).iter().any(|event| matches!(event, StoreEvent::Lost { session: s } if *s == session))
}

#[test]
fn after_a_flush_nobody_gets_what_is_for_another() {
    let server = RedisServer::start();
    let first = place(&server);
    let second = first.twin();
    let (old, mut new) = (Rig::new(&first), Rig::new(&second));
    let (device, _) = old.connect_with(session(0, 1), of("user_1"), &["user_1"], WIDE);
    assert_eq!(server.cli(&["FLUSHALL"]), "OK");
    // The first device of the new data.
    new.connect_with(session(0, 7), of("user_2"), &["user_2"], WIDE);
    old.settle();
    assert!(is_lost(&old, session(0, 1)), "{:?}", old.recorder.log(0));
    assert_eq!(new.send(message("[1]", &["user_2"])).devices, 1);
    old.settle();
    assert_eq!(old.live(0, device), []);
}

#[test]
fn after_a_loss_nobody_stays_in_rooms_that_the_server_has_forgotten() {
    let mut server = RedisServer::start();
    let place = place(&server);
    let mut rig = Rig::new(&place);
    rig.connect_with(session(0, 1), of("user_1"), &["user_1"], WIDE);
    save(&server);
    rig.connect_with(session(0, 2), of("user_1"), &["chess", "user_1"], WIDE);
    server.restart();
    rig.settle();
    for slot in [1, 2] {
        assert!(is_lost(&rig, session(0, slot)), "{:?}", rig.recorder.log(0));
    }
    rig.connect_with(session(0, 3), of("user_1"), &["chess", "user_1"], WIDE);
    assert_eq!(rig.send(message("[1]", &["chess"])).devices, 1);
}

#[test]
fn after_a_loss_publications_count_anew() {
    let mut server = RedisServer::start();
    let first = place(&server);
    let second = first.twin();
    let (hears, mut sends) = (Rig::new(&first), Rig::new(&second));
    let (device, _) = hears.connect_with(session(0, 1), of("user_1"), &["user_1"], WIDE);
    save(&server);
    sends.send(message("[1]", &["user_1"]));
    assert_eq!(hears.live(0, device).len(), 1);
    server.restart();
    // The node that hears has lost nothing of its own; and one message is as many as were lost.
    hears.settle();
    let before = hears.recorder.log(0).len();
    sends.send(message("[2]", &["user_1"]));
    hears.settle();
    let came = |event: &StoreEvent| match event {
        StoreEvent::Entry { event, .. } => text(event) == "[2]",
        // Then it is read.
        StoreEvent::Missed { .. } => true,
        _ => false,
    };
    let log = hears.recorder.log(0);
    assert!(log[before..].iter().any(came), "{log:?}");
}

#[test]
fn who_gave_up_while_the_server_was_away_is_not_let_in_afterwards() {
    let mut server = RedisServer::start();
    let place = place(&server);
    let rig = Rig::new(&place);
    server.kill9();
    for slot in 0..200 {
        let (session, rooms) = (session(0, slot), vec![room("chess"), room("user_1")]);
        rig.store().connect(Connect { session, device: key(&slot.to_string()), rooms, limit: WIDE });
        rig.store().disconnect(Disconnect { session });
    }
    // More than a pause between two attempts.
    rig.recorder.quiet(Duration::from_secs(1));
    server.restart();
    let counters = rig.until("the store is in order", |_| rig.store().health().is_ok());
    // What was sent to the server before its end was noticed may have arrived: one flight.
    assert!(counters.devices <= 32 && counters.online == 0, "{counters:?}");
}

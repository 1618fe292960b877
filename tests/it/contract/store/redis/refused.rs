//! A server that refuses every write for a while: too few replicas, or a disk that is full.

use std::sync::Arc;

use postroom::domain::Seq;
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
    rig.recorder.take("Appended", |_, event| match event {
        StoreEvent::Appended { token: t, outcome } if *t == token => Some(assert!(outcome.is_err())),
        _ => None,
    });
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

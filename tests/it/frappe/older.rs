//! Sites of versions 14 and 15, which know less.

use serde_json::json;

use crate::support::frappe::{Bench, CAN_SUBSCRIBE_DOC, CAN_SUBSCRIBE_DOCTYPE, SITE};
use crate::support::packet::packet;

#[tokio::test]
async fn version_15_is_asked_for_permission_in_its_own_way() {
    let bench = Bench::new().await.version(15);
    bench.web.deny("Salary Slip", "");
    bench.web.deny("ToDo", "secret");
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    assert!(bench.is_in(&mut alice, "all").await);
    alice.pinged().await;
    alice.says(json!(["doctype_subscribe", "Salary Slip"])).await;
    alice.says(json!(["doc_subscribe", "ToDo", "secret"])).await;
    bench.web.wait_for(CAN_SUBSCRIBE_DOCTYPE, 1).await;
    bench.web.wait_for(CAN_SUBSCRIBE_DOC, 1).await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    alice.says(json!(["doc_subscribe", "ToDo", "T/1 é"])).await;
    bench.enters(&mut alice, "doc:ToDo/T/1 é").await;
    assert!(!bench.is_in(&mut alice, "doctype:Salary Slip").await);
    assert!(!bench.is_in(&mut alice, "doc:ToDo/secret").await);
    let call = bench.web.calls_of(CAN_SUBSCRIBE_DOC).pop().unwrap();
    assert_eq!((call.param("doctype"), call.param("docname")), ("ToDo".to_owned(), "T/1 é".to_owned()));
    assert_eq!(call.header("cookie").as_deref(), Some("sid=sid-alice"));
    let call = bench.web.calls_of(CAN_SUBSCRIBE_DOCTYPE).pop().unwrap();
    assert_eq!(call.param("doctype"), "ToDo");
}

#[tokio::test]
async fn another_version_may_be_installed_while_clients_are_there() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for (version, name) in [(15, "T1"), (16, "T2"), (15, "T3")] {
        bench.web.rules(|rules| rules.version = version);
        bench.web.deny("ToDo", "secret");
        alice.says(json!(["doc_subscribe", "ToDo", "secret"])).await;
        alice.says(json!(["doc_subscribe", "ToDo", name])).await;
        bench.enters(&mut alice, &format!("doc:ToDo/{name}")).await;
        assert!(!bench.is_in(&mut alice, "doc:ToDo/secret").await, "{version}");
    }
}

#[tokio::test]
async fn version_15_has_viewers_too() {
    let bench = Bench::new().await.version(15);
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    alice.says(json!(["doc_open", "ToDo", "T1"])).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    bob.says(json!(["doc_open", "ToDo", "T1"])).await;
    assert_eq!(bob.viewers("ToDo", "T1").await, ["alice", "bob"]);
    assert_eq!(alice.viewers("ToDo", "T1").await, ["alice", "bob"]);
}

#[tokio::test]
async fn clients_of_version_14_come_to_the_root() {
    let bench = Bench::new().await.version(14);
    let realtime = bench.start().await;
    let mut alice = realtime.visit(SITE).sid("sid-alice").namespace("").join().await;
    assert_eq!(bench.web.calls().pop().unwrap().header("x-frappe-site-name").as_deref(), Some(SITE));
    // Their rooms begin with the site, and nothing else says which one it is.
    for (room, number) in [("site1.localhost:user:alice@example.com", 1), ("site1.localhost:all", 2)] {
        bench.publish(&json!({ "event": "msgprint", "message": number, "room": room }));
        assert_eq!(alice.message("msgprint").await, json!(number), "{room}");
    }
    bench.publish(&json!({ "event": "for others", "message": 1, "room": "site2.localhost:all" }));
    bench.publish(
        &json!({ "event": "for others", "message": 1, "room": "site1.localhost:user:bob@example.com" }),
    );
    alice.says(json!(["doc_subscribe", "ToDo", "T1"])).await;
    bench.web.wait_for(CAN_SUBSCRIBE_DOC, 1).await;
    // Until it is in the room what is published there is lost on it.
    let mut number = 0;
    let packet = loop {
        number += 1;
        bench.publish(
            &json!({ "event": "doc_update", "message": number, "room": "site1.localhost:doc:ToDo/T1" }),
        );
        bench.publish(&json!({ "event": "round", "message": number, "room": "site1.localhost:all" }));
        let packet = alice.packet().await;
        if packet.name() == "doc_update" {
            break packet;
        }
        assert_eq!(packet.name(), "round", "{}", packet.raw);
        assert!(number < 1000, "it never got into the room");
    };
    assert_eq!((packet.namespace.as_str(), packet.args()), ("/", &[json!(number)][..]));
}

#[tokio::test]
async fn whom_version_14_does_not_know_it_does_not_let_into_the_root() {
    let bench = Bench::new().await.version(14);
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).namespace("");
    assert!(!visit.refused().await.is_empty());
    let text = visit.clone().authorization("Bearer nobody").refused().await;
    assert!(text.starts_with("Unauthorized"), "{text}");
    // Told so, or let into a root that belongs to no site.
    let evil = visit.clone().header("Origin", "http://evil.example").sid("sid-alice");
    let mut client = evil.knock().await.client;
    let answer = client.packet().await;
    assert!(matches!(answer.kind, '0' | '4'), "{}", answer.raw);
    let mut alice = visit.sid("sid-alice").join().await;
    bench.publish(&json!({ "event": "inside", "message": 1, "room": "site1.localhost:all" }));
    bench.publish(&json!({ "event": "for all", "message": 1 }));
    alice.event("inside").await;
    alice.event("for all").await;
    client.settled().await;
}

#[tokio::test]
async fn from_version_15_on_nothing_happens_in_the_root() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut nobody = realtime.visit(SITE).namespace("").knock().await;
    nobody.welcomed().await;
    nobody.client.say(&packet('2', "/", None, r#"["task_subscribe","t"]"#)).await;
    nobody.client.say(&packet('2', "/", None, r#"["doc_open","ToDo","T1"]"#)).await;
    let mut alice = realtime.user(SITE, "alice").await;
    for event in [
        json!({ "event": "all", "message": 1 }),
        json!({ "event": "room", "message": 1, "room": "website", "namespace": SITE }),
        json!({ "event": "room", "message": 1, "room": "task_progress:t", "namespace": "" }),
        json!({ "event": "room", "message": 1, "room": "all", "namespace": "" }),
    ] {
        bench.publish(&event);
    }
    alice.event("all").await;
    alice.event("room").await;
    assert!(bench.is_in(&mut alice, "all").await);
    nobody.client.settled().await;
    assert_eq!(bench.web.calls().len(), 1);
}

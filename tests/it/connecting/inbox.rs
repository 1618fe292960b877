//! What waits for a device: how long, how much, in which pieces, and what settles it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};

async fn tell(gateway: &Gateway, event: &str) -> Value {
    gateway.send("demo", &["user_1"], event, json!(1)).await
}

async fn away(gateway: &Gateway) {
    Client::v4(gateway, "demo", "user_1", "d").await.close().await;
}

async fn back(gateway: &Gateway) -> Client {
    Client::v4(gateway, "demo", "user_1", "d").await
}

#[tokio::test]
async fn a_batch_that_is_not_acknowledged_comes_again() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    away(&gateway).await;
    for name in ["m1", "m2"] {
        tell(&gateway, name).await;
    }
    for _ in 0..2 {
        let mut client = back(&gateway).await;
        assert_eq!(client.event("_batch").await.batch_names(), ["m1", "m2"]);
        client.close().await;
    }
    let mut client = back(&gateway).await;
    client.acked("_batch").await;
    client.close().await;
    back(&gateway).await.settled().await;
}

#[tokio::test]
async fn what_came_live_and_was_not_acknowledged_comes_again_in_order() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = back(&gateway).await;
    for name in ["m1", "m2", "m3", "m4"] {
        tell(&gateway, name).await;
        let event = client.event(name).await;
        if name == "m2" || name == "m4" {
            client.ack(&event).await;
        }
    }
    client.close().await;
    let mut client = back(&gateway).await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m1", "m3"]);
}

#[tokio::test]
async fn an_ack_settles_also_when_it_comes_late_or_twice() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = back(&gateway).await;
    tell(&gateway, "early").await;
    let early = client.event("early").await;
    for number in 0..100 {
        tell(&gateway, &number.to_string()).await;
        client.acked(&number.to_string()).await;
    }
    client.ack(&early).await;
    client.ack(&early).await;
    client.close().await;
    back(&gateway).await.settled().await;
}

#[tokio::test]
async fn sessions_of_one_device_all_hear_it_and_the_first_ack_settles_it() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut tabs = [back(&gateway).await, Client::v3(&gateway, "demo", "user_1", "d").await];
    let receipt = tell(&gateway, "m1").await;
    assert_eq!(receipt["devices"], 1);
    let [one, two] = &mut tabs;
    one.acked("m1").await;
    two.event("m1").await;
    tell(&gateway, "m2").await;
    one.event("m2").await;
    two.acked("m2").await;
    for tab in tabs {
        tab.close().await;
    }
    back(&gateway).await.settled().await;
}

#[tokio::test]
async fn sessions_of_one_device_are_all_told_to_resync_once() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut tabs = [back(&gateway).await, Client::v3(&gateway, "demo", "user_1", "d").await];
    for name in ["m1", "m2"] {
        gateway.send_resync("demo", &["user_1"], name, json!(1)).await;
    }
    let mut events = Vec::new();
    for tab in &mut tabs {
        events.push([tab.event("m1").await, tab.event("m2").await]);
    }
    tabs[0].ack(&events[0][1]).await;
    for tab in &mut tabs {
        tab.event("_resync").await;
    }
    for (tab, [m1, m2]) in tabs.iter_mut().zip(&events) {
        tab.ack(m2).await;
        tab.ack(m1).await;
        tab.settled().await;
    }
    tell(&gateway, "end").await;
    for tab in &mut tabs {
        tab.acked("end").await;
    }
}

#[tokio::test]
async fn a_device_id_belongs_to_its_user() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    away(&gateway).await;
    tell(&gateway, "for user 1 alone").await;
    let mut other = Client::v4(&gateway, "demo", "user_2", "d").await;
    other.settled().await;
    let receipt = gateway.send("demo", &["user_1", "user_2"], "both", json!(1)).await;
    assert_eq!(receipt["devices"], 2);
    other.acked("both").await;
    other.close().await;
    let mut client = back(&gateway).await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["for user 1 alone", "both"]);
}

#[tokio::test]
async fn a_device_that_stays_away_too_long_is_forgotten_with_what_waits_for_it() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("device_ttl: 1").start().await;
    away(&gateway).await;
    assert_eq!(tell(&gateway, "in time").await["devices"], 1);
    let forgotten = async { while tell(&gateway, "too late").await["devices"] != 0 {} };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.expect("it must be forgotten");
    back(&gateway).await.settled().await;
}

#[tokio::test]
async fn coming_back_in_time_keeps_what_waits() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("device_ttl: 4").start().await;
    away(&gateway).await;
    tell(&gateway, "m1").await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let mut client = back(&gateway).await;
        assert_eq!(client.event("_batch").await.batch_names(), ["m1"]);
        client.close().await;
    }
}

#[tokio::test]
async fn with_an_ack_timeout_what_is_not_acknowledged_comes_again_on_the_same_connection() {
    let site = backend::start().await;
    let gateway = Setup::new().site("demo", &site, "ackTimeout: 1").start().await;
    let mut client = back(&gateway).await;
    for name in ["m1", "m2", "m3"] {
        tell(&gateway, name).await;
    }
    client.event("m1").await;
    client.acked("m2").await;
    client.event("m3").await;
    assert_eq!(client.event("_batch").await.batch_names(), ["m1", "m3"]);
    let again = client.event("_batch").await;
    assert_eq!(again.batch_names(), ["m1", "m3"]);
    client.ack(&again).await;
    client.nothing_while(tokio::time::sleep(Duration::from_millis(2500))).await;
    tell(&gateway, "end").await;
    client.acked("end").await;
}

#[tokio::test]
async fn with_an_ack_timeout_an_ack_of_the_newest_does_not_stand_for_the_older_ones() {
    let site = backend::start().await;
    let gateway = Setup::new().site("demo", &site, "ackTimeout: 1").start().await;
    let mut client = back(&gateway).await;
    for name in ["m1", "m2"] {
        tell(&gateway, name).await;
    }
    client.event("m1").await;
    client.acked("m2").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m1"]);
    client.nothing_while(tokio::time::sleep(Duration::from_millis(2500))).await;
}

#[tokio::test]
async fn a_long_inbox_comes_in_pieces_each_after_the_ack_of_the_one_before() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("io:\n  maxPayload: 2KiB").start().await;
    away(&gateway).await;
    for number in 0..20 {
        gateway.send("demo", &["user_1"], "n", json!([number, "x".repeat(200)])).await;
    }
    let mut client = back(&gateway).await;
    let (mut seen, mut pieces) = (Vec::new(), 0);
    while seen.len() < 20 {
        let batch = client.event("_batch").await;
        assert!(batch.raw.len() < 2048, "{}", batch.raw.len());
        seen.extend(batch.batch().iter().map(|event| event[1].as_u64().unwrap()));
        client.settled().await;
        if pieces == 1 {
            gateway.send("demo", &["user_1"], "n", json!([20, "behind the rest"])).await;
            client.settled().await;
        }
        client.ack(&batch).await;
        pieces += 1;
    }
    assert!(pieces > 3, "{pieces}");
    if seen.len() < 21 {
        let last = client.packet().await;
        client.ack(&last).await;
        let event = if last.name() == "_batch" { last.batch()[0].clone() } else { last.json };
        seen.push(event[1].as_u64().unwrap());
    }
    assert_eq!(seen, (0..=20).collect::<Vec<u64>>());
    client.close().await;
    back(&gateway).await.settled().await;
}

#[tokio::test]
async fn an_entry_larger_than_a_piece_comes_alone() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("io:\n  maxPayload: 2KiB").start().await;
    away(&gateway).await;
    for (name, length) in [("small", 10), ("large", 20_000), ("last", 10)] {
        gateway.send("demo", &["user_1"], name, json!("x".repeat(length))).await;
    }
    let mut client = back(&gateway).await;
    let mut names = Vec::new();
    while names.len() < 3 {
        names.extend(client.acked("_batch").await.batch_names());
    }
    assert_eq!(names, ["small", "large", "last"]);
}

#[tokio::test]
async fn a_full_inbox_is_cleared_and_owes_a_resync() {
    let site = backend::start().await;
    let gateway = Setup::new().site("demo", &site, "queue:\n  maxMessages: 3").start().await;
    away(&gateway).await;
    for name in ["m1", "m2", "m3"] {
        assert_eq!(tell(&gateway, name).await["queued"], 1);
    }
    let receipt = tell(&gateway, "m4").await;
    assert_eq!((&receipt["devices"], &receipt["queued"]), (&json!(1), &json!(0)));
    let mut client = back(&gateway).await;
    client.event("_resync").await;
    // What did not fit is part of what the client loads anew.
    tell(&gateway, "end").await;
    client.acked("end").await;
    client.close().await;
    back(&gateway).await.settled().await;
}

#[tokio::test]
async fn a_client_that_never_acknowledges_is_told_to_resync_when_its_inbox_is_full() {
    let site = backend::start().await;
    let gateway = Setup::new().site("demo", &site, "queue:\n  maxMessages: 3").start().await;
    let mut client = back(&gateway).await;
    for name in ["m1", "m2", "m3"] {
        tell(&gateway, name).await;
        client.event(name).await;
    }
    tell(&gateway, "m4").await;
    client.event("_resync").await;
    tell(&gateway, "m5").await;
    client.event("m5").await;
}

#[tokio::test]
async fn a_full_inbox_may_drop_its_oldest_instead() {
    let site = backend::start().await;
    let bounds = "queue:\n  maxMessages: 3\n  policy: dropOldest";
    let gateway = Setup::new().site("demo", &site, bounds).start().await;
    away(&gateway).await;
    for name in ["m1", "m2", "m3", "m4", "m5"] {
        assert_eq!(tell(&gateway, name).await["queued"], 1);
    }
    let mut client = back(&gateway).await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m3", "m4", "m5"]);
    client.settled().await;
}

#[tokio::test]
async fn an_inbox_is_bounded_in_bytes_too() {
    let site = backend::start().await;
    let bounds = "queue:\n  maxBytes: 1KiB\n  policy: dropOldest";
    let gateway = Setup::new().site("demo", &site, bounds).start().await;
    away(&gateway).await;
    for name in ["m1", "m2", "m3"] {
        gateway.send("demo", &["user_1"], name, json!("x".repeat(400))).await;
    }
    let mut client = back(&gateway).await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m2", "m3"]);
}

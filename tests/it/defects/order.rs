//! What comes, in which order, and how often: B7 to B10.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};

/// Acks are gathered for a moment before they are settled; much longer than that.
const GATHERED: std::time::Duration = std::time::Duration::from_millis(200);

async fn tell(gateway: &Gateway, event: &str) {
    gateway.send("demo", &["user_1"], event, json!(1)).await;
}

#[tokio::test]
async fn b7_the_ack_of_a_batch_settles_only_what_the_batch_held() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    tell(&gateway, "m1").await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let batch = client.event("_batch").await;
    tell(&gateway, "m2").await;
    client.event("m2").await;
    client.ack(&batch).await;
    client.close().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m2"]);
    client.close().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn b8_acks_out_of_order_make_one_resync_and_clear_the_inbox() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v3(&gateway, "demo", "user_1", "d").await;
    let mut events = Vec::new();
    for name in ["m1", "m2", "m3", "m4"] {
        gateway.send_resync("demo", &["user_1"], name, json!(1)).await;
        events.push(client.event(name).await);
    }
    client.ack(&events[2]).await;
    client.event("_resync").await;
    for event in [&events[1], &events[0], &events[3], &events[2]] {
        client.ack(event).await;
    }
    client.nothing_while(tokio::time::sleep(GATHERED)).await;
    tell(&gateway, "end").await;
    client.acked("end").await;
    client.close().await;
    Client::v3(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn b8_acks_in_order_make_no_resync() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    for name in ["m1", "m2", "m3"] {
        gateway.send_resync("demo", &["user_1"], name, json!(1)).await;
    }
    for name in ["m1", "m2", "m3"] {
        client.acked(name).await;
    }
    client.nothing_while(tokio::time::sleep(GATHERED)).await;
}

#[tokio::test]
async fn b8_an_owed_resync_is_not_asked_for_twice_after_a_reconnect() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send_resync("demo", &["user_1"], "m1", json!(1)).await;
    gateway.send_resync("demo", &["user_1"], "m2", json!(1)).await;
    client.event("m1").await;
    client.acked("m2").await;
    client.event("_resync").await;
    // An ack behind it proves that it arrived.
    tell(&gateway, "m3").await;
    client.acked("m3").await;
    client.close().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn b8_a_live_ack_before_that_of_the_batch_makes_no_resync() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    tell(&gateway, "m1").await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let batch = client.event("_batch").await;
    for name in ["m2", "m3"] {
        gateway.send_resync("demo", &["user_1"], name, json!(1)).await;
        let live = client.event(name).await;
        // The batch is older, but a client works through it before it acknowledges it.
        client.ack(&live).await;
    }
    client.ack(&batch).await;
    client.nothing_while(tokio::time::sleep(GATHERED)).await;
    tell(&gateway, "end").await;
    client.acked("end").await;
    client.close().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn b9_whatever_is_sent_while_a_device_connects_comes_once_and_in_order() {
    const EACH: usize = 6;
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for round in 0..25 {
        let dial = if round % 2 == 0 { Dial::v4() } else { Dial::v3() };
        let sending = async {
            for number in 0..EACH {
                gateway.send("demo", &["user_1"], "n", json!(round * EACH + number)).await;
            }
        };
        let connecting = Client::join(&gateway, dial.who("user_1", "d"), "demo");
        if round == 0 {
            // Now it is known, and everything that follows must reach it.
            connecting.await.close().await;
            continue;
        }
        let ((), mut client) = tokio::join!(sending, connecting);
        let mut seen = Vec::new();
        while seen.len() < EACH {
            let event = client.packet().await;
            client.ack(&event).await;
            match event.name() {
                "_batch" => seen.extend(event.batch().iter().map(|event| event[1].as_u64().unwrap())),
                _ => seen.push(event.args()[0].as_u64().unwrap()),
            }
        }
        let expected: Vec<u64> = (0..EACH).map(|number| (round * EACH + number) as u64).collect();
        assert_eq!(seen, expected, "round {round}");
        client.settled().await;
        client.close().await;
    }
}

#[tokio::test]
async fn b10_a_batch_keeps_the_order_over_all_event_names() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1+user_2", "d").await.close().await;
    let names = ["zeta", "alpha", "zeta", "Mu", "beta", "alpha"];
    for (number, name) in names.iter().enumerate() {
        let room = ["user_1", "user_2"][number % 2];
        gateway.send("demo", &[room], name, json!(number)).await;
    }
    let mut client = Client::v4(&gateway, "demo", "user_1+user_2", "d").await;
    let batch = client.acked("_batch").await;
    assert_eq!(batch.batch_names(), names);
    // Two user rooms are one device, with one inbox and one batch.
    client.settled().await;
}

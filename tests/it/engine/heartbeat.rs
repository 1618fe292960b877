//! Heartbeats: who stays, and who is missed.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::polling::Poller;

const FAST: &str = "io:\n  pingInterval: 300\n  pingTimeout: 200";
/// Where a client has to be in time, also on a busy machine.
const PATIENT: &str = "io:\n  pingInterval: 300\n  pingTimeout: 1500";
/// Several intervals and timeouts.
const LONG: Duration = Duration::from_secs(2);

async fn gateway() -> Gateway {
    let site = backend::start().await;
    Setup::demo(&site).config(FAST).start().await
}

#[tokio::test]
async fn the_gateway_pings_clients_of_engine_io_4_and_keeps_those_that_answer() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(PATIENT).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    client.nothing_while(tokio::time::sleep(LONG)).await;
    assert!((3..=7).contains(&client.pings), "{}", client.pings);
    client.settled().await;
}

#[tokio::test]
async fn a_client_of_engine_io_4_that_does_not_answer_is_closed() {
    let gateway = gateway().await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    client.answers_pings = false;
    let began = Instant::now();
    let (code, reason) = client.ended().await.unwrap();
    assert_eq!(code, 1008, "{reason}");
    assert_eq!(client.pings, 1);
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
}

#[tokio::test]
async fn talking_is_no_answer_to_a_ping() {
    let gateway = gateway().await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    client.connect("", None).await;
    client.packet().await;
    client.answers_pings = false;
    let talking = async {
        loop {
            client.raw("42[\"x\"]").await;
            let end = tokio::time::timeout(Duration::from_millis(50), client.ended()).await;
            if let Ok(end) = end {
                return end;
            }
        }
    };
    let end = tokio::time::timeout(LONG, talking).await.expect("it must be closed");
    assert_eq!(end.map(|(code, _)| code), Some(1008));
}

#[tokio::test]
async fn clients_of_engine_io_3_ping_themselves_and_are_closed_when_they_do_not() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(PATIENT).start().await;
    let mut silent = Client::dial(&gateway, &Dial::v3()).await;
    let mut client = Client::v3(&gateway, "demo", "user_1", "d").await;
    for _ in 0..8 {
        client.raw("2").await;
        assert_eq!(client.text().await, "3");
        client.nothing_while(tokio::time::sleep(Duration::from_millis(200))).await;
    }
    client.settled().await;
    let (code, reason) = silent.ended().await.unwrap();
    assert_eq!((code, silent.pings), (1008, 0), "{reason}");
}

#[tokio::test]
async fn a_heartbeat_in_the_wrong_direction_ends_the_connection() {
    let gateway = gateway().await;
    for (dial, packet) in [(Dial::v4(), "2"), (Dial::v3(), "3")] {
        let mut client = Client::dial(&gateway, &dial).await;
        client.raw(packet).await;
        assert_eq!(client.ended().await.map(|(code, _)| code), Some(1002));
    }
}

#[tokio::test]
async fn a_polling_client_is_pinged_and_missed_likewise() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(PATIENT).start().await;
    let poller = Poller::dial(&gateway, &Dial::v4().who("user_1", "d")).await;
    poller.say("40/demo,").await;
    assert_eq!(poller.packets(2).await.len(), 2);
    for _ in 0..4 {
        assert_eq!(poller.poll().await, ["2"]);
        poller.say("3").await;
    }
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    assert_eq!(poller.packets(1).await.len(), 1);
    assert_eq!(poller.poll().await, ["2"]);
    // No answer this time.
    let last = poller.get().await;
    assert!(last.status == 400 || last.text() == "1", "{}", last.text());
    assert_eq!(poller.get().await.json()["code"], 1);
}

//! SIGKILL at any moment: what was answered with 2xx is delivered.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Wire, request};
use crate::support::send::Send;

const DEVICES: [&str; 3] = ["a", "b", "c"];
const ROUNDS: u64 = 5;

/// What a device has got so far: each number, and how often.
type Got = BTreeMap<u64, usize>;

/// Connects each device and takes all that comes until `end`, in order; acknowledges some of it.
async fn take(gateway: &Gateway, end: u64, got: &mut [Got; 3]) {
    for (device, got) in DEVICES.iter().zip(got) {
        let mut client = Client::v4(gateway, "demo", "user_1", device).await;
        let mut last = None;
        loop {
            let event = client.packet().await;
            let numbers: Vec<u64> = match event.name() {
                "_batch" => event.batch().iter().map(|event| event[1].as_u64().unwrap()).collect(),
                _ => vec![event.args()[0].as_u64().unwrap()],
            };
            client.ack(&event).await;
            for number in numbers {
                assert!(last.is_none_or(|last| last < number), "{device}: {number} came behind {last:?}");
                last = Some(number);
                *got.entry(number).or_default() += 1;
            }
            if last == Some(end) {
                break;
            }
        }
        client.close().await;
    }
}

#[tokio::test]
async fn what_was_accepted_before_a_kill_is_delivered_after_it_in_order() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    for device in DEVICES {
        Client::v4(&gateway, "demo", "user_1", device).await.close().await;
    }
    let (mut accepted, mut got, mut number) = (Vec::new(), [Got::new(), Got::new(), Got::new()], 0);
    for round in 0..ROUNDS {
        // Some one at a time; then a pipeline of which nobody knows how far it comes.
        for _ in 0..10 {
            gateway.send("demo", &["user_1"], "n", json!(number)).await;
            accepted.push(number);
            number += 1;
        }
        let mut wire = Wire::open(gateway.port).await;
        let path = Send::to(&gateway, "demo").path();
        let first = number;
        for _ in 0..100 {
            let body = json!({"rooms": "user_1", "event": "n", "args": number}).to_string();
            wire.write(&request("POST", &path, &["Content-Type: application/json"], body.as_bytes())).await;
            number += 1;
        }
        let answers = round * 20;
        for _ in 0..answers {
            assert_eq!(wire.answer().await.status, 200);
        }
        gateway.kill9().await;
        let rest = String::from_utf8(wire.ended().await).unwrap();
        let answered = answers + rest.matches("HTTP/1.1 200").count() as u64;
        accepted.extend(first..first + answered);
        gateway.start_again().await;
        gateway.send("demo", &["user_1"], "n", json!(number)).await;
        accepted.push(number);
        take(&gateway, number, &mut got).await;
        number += 1;
    }
    for (device, got) in DEVICES.iter().zip(&got) {
        let lost: Vec<&u64> = accepted.iter().filter(|number| !got.contains_key(number)).collect();
        assert!(lost.is_empty(), "{device} never got {lost:?}");
        let twice: Vec<_> = got.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{device} got again what it had acknowledged before it left: {twice:?}");
    }
}

#[tokio::test]
async fn a_device_that_was_connected_during_a_kill_is_known_afterwards() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1+staff", "d").await;
    gateway.kill9().await;
    client.ended().await;
    gateway.start_again().await;
    let receipt = gateway.send("demo", &["staff"], "e", json!(1)).await;
    assert_eq!((&receipt["devices"], &receipt["online"]), (&json!(1), &json!(0)));
    let mut client = Client::v4(&gateway, "demo", "user_1+staff", "d").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["e"]);
}

#[tokio::test]
async fn the_time_of_a_device_runs_from_a_kill_on() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).config("device_ttl: 2").start().await;
    let _client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.kill9().await;
    gateway.start_again().await;
    let devices =
        async |event: &str| gateway.send("demo", &["user_1"], event, json!(1)).await["devices"].clone();
    assert_eq!(devices("in time").await, 1);
    tokio::time::sleep(std::time::Duration::from_millis(3500)).await;
    assert_eq!(devices("too late").await, 0);
}

#[tokio::test]
async fn a_resync_that_was_owed_before_a_kill_is_owed_after_it() {
    let site = backend::start().await;
    let mut gateway = Setup::new().site("demo", &site, "queue:\n  maxMessages: 1").start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    for name in ["m1", "m2"] {
        gateway.send("demo", &["user_1"], name, json!(1)).await;
    }
    gateway.kill9().await;
    gateway.start_again().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    client.event("_resync").await;
}

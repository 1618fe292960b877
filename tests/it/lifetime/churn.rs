//! Many senders, many devices, connections that come and go at random: everybody gets everything, in one order.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::{Gateway, Setup};
use crate::support::packet::Packet;

/// The numbers in an event or a batch.
fn numbers(event: &Packet) -> Vec<u64> {
    match event.name() {
        "_batch" => event.batch().iter().map(|event| event[1].as_u64().unwrap()).collect(),
        _ => vec![event.args()[0].as_u64().unwrap()],
    }
}

fn dial(number: usize, device: &str) -> Dial {
    if number.is_multiple_of(2) { Dial::v3() } else { Dial::v4() }.who("user_1+staff", device)
}

#[tokio::test]
async fn all_devices_see_one_order_whoever_sends_and_wherever_they_are() {
    const EACH: u64 = 60;
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut clients = join_all(
        names.iter().enumerate().map(|(number, name)| Client::join(&gateway, dial(number, name), "demo")),
    )
    .await;
    let senders = join_all((0..4).map(|sender| {
        let gateway = &gateway;
        async move {
            for number in 0..EACH {
                let room = if number.is_multiple_of(2) { "user_1" } else { "staff" };
                gateway.send("demo", &[room], "n", json!(sender * 1000 + number)).await;
            }
        }
    }));
    let receivers = join_all(clients.iter_mut().map(|client| async {
        let mut seen = Vec::new();
        while seen.len() < 4 * EACH as usize {
            let event = client.event("n").await;
            seen.extend(numbers(&event));
            client.ack(&event).await;
        }
        client.settled().await;
        seen
    }));
    let (_, seen) = tokio::join!(senders, receivers);
    for other in &seen {
        assert_eq!(other, &seen[0]);
    }
    for sender in 0..4 {
        let own: Vec<u64> = seen[0].iter().copied().filter(|number| number / 1000 == sender).collect();
        assert_eq!(own, (sender * 1000..sender * 1000 + EACH).collect::<Vec<u64>>());
    }
}

/// Numbers from a seed, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Lives through connections that end in every way, until `end` was seen; how often each number came.
async fn restless(gateway: &Gateway, number: usize, end: u64) -> BTreeMap<u64, usize> {
    let (mut dice, mut got) = (Dice(number as u64), BTreeMap::new());
    let device = format!("restless {number}");
    loop {
        let mut client = Client::join(gateway, dial(number + dice.throw(2) as usize, &device), "demo").await;
        let mut last = None;
        for _ in 0..=dice.throw(12) {
            let event = client.packet().await;
            let numbers = numbers(&event);
            for number in &numbers {
                assert!(last.is_none_or(|last| last < *number), "{device}: {number} behind {last:?}");
                last = Some(*number);
                *got.entry(*number).or_default() += 1;
            }
            if dice.throw(4) > 0 || last == Some(end) {
                client.ack(&event).await;
            }
            if last == Some(end) {
                client.close().await;
                return got;
            }
        }
        match dice.throw(3) {
            0 => client.close().await,
            1 => client.leave("demo").await,
            // Gone without a word.
            _ => drop(client),
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_its_connections_a_device_gets_everything() {
    const ALL: u64 = 250;
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for number in 0..6 {
        Client::join(&gateway, dial(number, &format!("restless {number}")), "demo").await.close().await;
    }
    let sending = async {
        for number in 0..=ALL {
            gateway.send("demo", &["staff"], "n", json!(number)).await;
        }
    };
    let living = join_all((0..6).map(|number| restless(&gateway, number, ALL)));
    let ((), all) = tokio::join!(sending, living);
    for (number, got) in all.iter().enumerate() {
        let missing: Vec<u64> = (0..=ALL).filter(|number| !got.contains_key(number)).collect();
        assert!(missing.is_empty(), "device {number} never got {missing:?}");
    }
}

#[tokio::test]
async fn a_stop_in_the_middle_of_many_sends_loses_none_that_was_answered() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    let sent = join_all((0..8).map(|sender| {
        let gateway = &gateway;
        async move {
            let mut accepted = Vec::new();
            for number in 0..200 {
                let number = sender * 1000 + number;
                if sender == 0 && number == 20 {
                    gateway.ask_to_stop();
                }
                let Some(status) = gateway.try_send("demo", "user_1", "n", json!(number)).await else {
                    break;
                };
                match status {
                    200 => accepted.push(number),
                    503 => {}
                    other => panic!("{other}"),
                }
            }
            accepted
        }
    }))
    .await;
    assert!(gateway.ended().await.success());
    gateway.start_again().await;
    gateway.send("demo", &["user_1"], "n", json!(9999)).await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let mut got = Vec::new();
    while got.last() != Some(&9999) {
        let event = client.packet().await;
        got.extend(numbers(&event));
        client.ack(&event).await;
    }
    let lost: Vec<u64> = sent.into_iter().flatten().filter(|number| !got.contains(number)).collect();
    assert!(lost.is_empty(), "answered with 200, and gone: {lost:?}");
}

//! Order, size, sites that keep nothing, and many nodes.

use serde_json::{Value, json};

use super::accepted;
use crate::nodes::redis;
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;

/// `count` messages with their numbers, for these rooms by turns.
fn numbered(count: usize, rooms: &[&str], padding: usize) -> Value {
    let text = "x".repeat(padding);
    (0..count).map(|n| json!({"rooms": [rooms[n % rooms.len()]], "event": "e", "args": [n, text]})).collect()
}

/// These many come, in order, alone or in a batch.
async fn come(client: &mut Client, count: usize) {
    let mut next = 0;
    while next < count {
        let packet = client.packet().await;
        let events = if packet.name() == "_batch" { packet.batch() } else { vec![packet.json.clone()] };
        for event in events {
            assert_eq!(event[1], next, "{} of {count}", packet.raw.len());
            next += 1;
        }
        if packet.ack.is_some() {
            client.ack(&packet).await;
        }
    }
}

#[tokio::test]
async fn more_than_an_outbox_takes_comes_whole_to_who_reads() {
    let site = backend::start().await;
    let setup = Setup::demo(&site).config("sendLimit: 64KiB\noutboxLimit: 512KiB\nbatchLimit: 8MiB");
    let gateway = setup.broadcast_site("news", &site, "").start().await;
    // By turns for two rooms: these are no neighbours that leave as one frame.
    let messages = numbered(120, &["user_1", "Staff"], 30_000);
    for name in ["demo", "news"] {
        let mut client = Client::v4(&gateway, name, "user_1+Staff", "d").await;
        let (results, ()) = tokio::join!(accepted(&gateway, name, &messages), come(&mut client, 120));
        assert_eq!(results.len(), 120);
        client.settled().await;
    }
}

#[tokio::test]
async fn many_small_ones_come_in_order_to_everybody() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).broadcast_site("news", &site, "").start().await;
    for name in ["demo", "news"] {
        let mut one = Client::v4(&gateway, name, "user_1+staff", "d").await;
        let mut two = Client::v3(&gateway, name, "staff+user_2", "d").await;
        let messages = numbered(10_000, &["staff"], 0);
        let (_, (), ()) =
            tokio::join!(accepted(&gateway, name, &messages), come(&mut one, 10_000), come(&mut two, 10_000));
        one.settled().await;
        two.settled().await;
    }
}

#[tokio::test]
async fn on_redis_rooms_that_are_met_for_the_first_time_do_not_upset_the_order() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let here = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    let there = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    let rooms: Vec<String> = (0..20).map(|n| format!("room{n}")).chain(["user_1".to_owned()]).collect();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let mut near = Client::v4(&here, "demo", &rooms.join("+"), "d").await;
    let mut far = Client::v4(&there, "demo", &rooms.join("+"), "e").await;
    for _ in 0..2 {
        let messages = numbered(300, &names, 0);
        let (results, (), ()) =
            tokio::join!(accepted(&here, "demo", &messages), come(&mut near, 300), come(&mut far, 300));
        assert!(results.iter().all(|result| result["queued"] == 2), "{results:?}");
        near.settled().await;
        far.settled().await;
    }
}

#[tokio::test]
async fn visitors_without_a_device_id_hear_what_is_sent_at_once() {
    let site = backend::start().await;
    let gateway = Setup::new().site("demo", &site, "publicChannel: browse").start().await;
    let mut visitor = Client::v4(&gateway, "demo", "browse", "").await;
    let mut user = Client::v4(&gateway, "demo", "user_1+browse", "d").await;
    let messages = numbered(500, &["browse"], 0);
    let (_, (), ()) =
        tokio::join!(accepted(&gateway, "demo", &messages), come(&mut visitor, 500), come(&mut user, 500));
    visitor.settled().await;
    user.settled().await;
}

//! Redis is not there, or does not answer.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{named, redis};
use super::{accepted, complaints, not_ready, ready, refused};
use crate::support::backend;
use crate::support::client::{Client, Dial, auth};
use crate::support::gateway::Setup;
use crate::support::polling::Poller;
use crate::support::redis::RedisServer;

/// `/send` works again so soon, on a busy machine.
const SOON: Duration = Duration::from_secs(2);

fn durable() -> RedisServer {
    RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")])
}

/// Takes what comes until this event; before it only what was said to be refused, which may come all the same.
async fn until_event(client: &mut Client, name: &str) {
    let before = named(client, name).await;
    assert!(before.iter().all(|name| name == "refused"), "{before:?}");
}

#[tokio::test]
async fn down_at_the_start_it_is_waited_for() {
    let (mut server, site) = (RedisServer::start(), backend::start().await);
    server.kill9();
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start_unready().await;
    gateway.log_line("Redis does not answer yet").await;
    not_ready(&gateway, "refused").await;
    refused(&gateway, "user_1").await;
    assert_eq!(gateway.get("/livez").await.status, 200);
    server.restart();
    let took = accepted(&gateway, "user_1", "e").await;
    assert!(took < SOON, "{took:?}");
    ready(&gateway).await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.acked("e").await;
}

#[tokio::test]
async fn down_later_clients_stay_and_nothing_accepted_is_lost() {
    let (mut server, site) = (durable(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let poller = Poller::dial(&gateway, &Dial::v4().who("user_1", "poll")).await;
    poller.say("40/demo,").await;
    assert_eq!(poller.packets(2).await.len(), 2);
    for name in ["m1", "m2"] {
        gateway.send("demo", &["user_1"], name, json!(1)).await;
    }
    let first = client.event("m1").await;
    client.event("m2").await;
    server.kill9();
    refused(&gateway, "user_1").await;
    // Acked while there is nobody to tell.
    client.ack(&first).await;
    client.settled().await;
    not_ready(&gateway, "refused").await;
    // Known to be down by now: answered at once.
    refused(&gateway, "user_1").await;
    let began = Instant::now();
    for _ in 0..5 {
        refused(&gateway, "user_1").await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    server.restart();
    let took = accepted(&gateway, "user_1", "m3").await;
    assert!(took < SOON, "{took:?}");
    ready(&gateway).await;
    until_event(&mut client, "m3").await;
    let mut polled = poller.packets(3).await;
    while !polled.iter().any(|packet| packet.contains("\"m3\"")) {
        polled.extend(poller.packets(1).await);
    }
    assert!(polled[0].contains("\"m1\"") && polled[1].contains("\"m2\""), "{polled:?}");
    client.close().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let names = client.acked("_batch").await.batch_names();
    assert_eq!(names[0], "m2", "the ack was kept: {names:?}");
    let loud = complaints(&gateway);
    assert!((1..12).contains(&loud.len()), "{loud:#?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_as_one_that_is_down() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    server.freeze();
    refused(&gateway, "user_1").await;
    not_ready(&gateway, "").await;
    client.settled().await;
    server.thaw();
    let took = accepted(&gateway, "user_1", "after").await;
    assert!(took < SOON, "{took:?}");
    until_event(&mut client, "after").await;
    client.settled().await;
}

#[tokio::test]
async fn who_comes_while_it_is_down_is_let_in_when_it_is_back() {
    let (mut server, site) = (durable(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.close().await;
    gateway.send("demo", &["user_1"], "m1", json!(1)).await;
    server.kill9();
    not_ready(&gateway, "refused").await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    client.connect("demo", Some(auth("user_1", "d"))).await;
    client.settled().await;
    server.restart();
    client.joined("demo").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m1"]);
}

#[tokio::test]
async fn while_it_reads_its_file_it_is_waited_for() {
    let settings = [
        ("key-load-delay", "1000"),
        ("loading-process-events-interval-bytes", "1024"),
        ("appendonly", "yes"),
        ("appendfsync", "always"),
    ];
    let (mut server, site) = (RedisServer::with(&settings), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    server.cli(&["DEBUG", "POPULATE", "8000"]);
    server.cli(&["BGREWRITEAOF"]);
    crate::support::redis::until("the file is written", 20, || {
        ["aof_rewrite_in_progress", "aof_rewrite_scheduled"]
            .iter()
            .all(|name| server.field(name).as_deref() == Some("0"))
    });
    gateway.send("demo", &["user_1"], "m1", json!(1)).await;
    client.event("m1").await;
    server.restart_loading();
    not_ready(&gateway, "LOADING").await;
    refused(&gateway, "user_1").await;
    client.settled().await;
    accepted(&gateway, "user_1", "m2").await;
    ready(&gateway).await;
    until_event(&mut client, "m2").await;
    client.close().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let names = client.acked("_batch").await.batch_names();
    assert!(names[0] == "m1" && names.iter().any(|name| name == "m2"), "{names:?}");
}

//! The way between a node and Redis breaks, or Redis itself dies and comes back.

use std::time::{Duration, Instant};

use serde_json::json;

use super::town::Town;
use super::{aside, named, post, redis, until};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::{Proxy, RedisServer};

/// An ack may be held up for as long as a connection is.
const LATE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_connection_that_is_cut_again_and_again_loses_nothing() {
    let server = RedisServer::start();
    let proxies = [Proxy::start(server.port()), Proxy::start(server.port())];
    let configs: Vec<String> = proxies.iter().map(|proxy| redis(&server.url_at(proxy.port()), "")).collect();
    let mut town = Town::found(&configs, LATE).await;
    for cut in 0..12 {
        town.go_on(0.4).await;
        let proxy = &proxies[cut % 2];
        // What was under way reaches the server behind what is sent again.
        if cut % 3 == 0 { proxy.cut() } else { proxy.cut_late(Duration::from_millis(150)) }
    }
    let seen = town.settle().await;
    assert_eq!(seen.refused, 0, "a connection that is lost and found again is not noticed");
    town.nothing_left(&[&server]).await;
}

#[tokio::test]
async fn a_connection_that_stands_still_beyond_the_lease_loses_nothing() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let lease = "  lease: 2s\n";
    let configs = [redis(&server.url_at(proxy.port()), lease), redis(&server.url(), lease)];
    let mut town = Town::found(&configs, LATE).await;
    for seconds in [0.5, 3.5] {
        town.go_on(1.0).await;
        proxy.stall();
        town.go_on(seconds).await;
        town.doubt();
        proxy.resume();
        let resumed = Instant::now();
        town.accepts_after(resumed).await;
    }
    town.go_on(1.0).await;
    let seen = town.settle().await;
    assert!(seen.refused > 0, "the node that cannot reach Redis says so");
    town.drain().await;
    town.nothing_left(&[&server]).await;
}

#[tokio::test]
async fn a_node_whose_lease_ran_out_tells_its_devices_what_they_missed() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let proxy = Proxy::start(server.port());
    let setup = |port: u16| Setup::demo(&site).config(&redis(&server.url_at(port), "  lease: 1s\n"));
    let (cut_off, other) = (setup(proxy.port()).start().await, setup(server.port()).start().await);
    let mut client = Client::v4(&cut_off, "demo", "user_1", "d").await;
    proxy.refuse();
    until("the device is away", async || {
        (other.send("demo", &["user_1"], "probe", json!(1)).await["online"] == 0).then_some(())
    })
    .await;
    other.send("demo", &["user_1"], "last", json!(1)).await;
    proxy.accept();
    named(&mut client, "last").await;
    // And it is back among those who are there.
    let receipt = other.send("demo", &["user_1"], "after", json!(1)).await;
    assert_eq!(receipt["online"], 1);
    client.event("after").await;
    cut_off.log_line("registers anew").await;
}

#[tokio::test]
async fn redis_that_is_killed_under_load_and_keeps_its_file_loses_nothing() {
    let mut server = RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    let configs = vec![redis(&server.url(), ""); 2];
    let mut town = Town::found(&configs, LATE).await;
    for down in [0.0, 1.0, 3.0] {
        town.go_on(1.0).await;
        server.kill9();
        town.go_on(down).await;
        server = aside(move || {
            server.restart();
            server
        })
        .await;
        let up = Instant::now();
        town.doubt();
        let took = town.accepts_after(up).await;
        println!("down for {down} s: a message was handed in {took:?} after Redis was up, and accepted");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    let seen = town.settle().await;
    assert!(seen.refused > 0);
    town.drain().await;
    town.nothing_left(&[&server]).await;
}

#[tokio::test]
async fn a_publication_that_was_lost_is_found_and_its_ack_settles_nothing_else() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "  lease: 3s\n")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    // Only those who listen are cut off: what is published at this moment is heard by nobody.
    gateway.send("demo", &["user_1"], "heard", json!(1)).await;
    client.event("heard").await;
    assert_ne!(server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]), "0");
    assert_eq!(post(&gateway, "user_1", "unheard").await.status, 200);
    assert_eq!(client.acked("_batch").await.batch_names(), ["unheard"]);
    client.settled().await;
    client.close().await;
    // What came live before it was never acked.
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["heard"]);
}

//! Devices that move from node to node under load, and nodes that come and go.

use std::time::{Duration, Instant};

use serde_json::json;

use super::town::Town;
use super::{nodes, redis, until};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::redis::RedisServer;

/// So long an ack may be on its way on a busy machine, while its device is back already on another node.
const LATE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn devices_that_roam_under_load_get_everything_in_order() {
    let server = RedisServer::start();
    let configs = vec![redis(&server.url(), ""); 3];
    let mut town = Town::found(&configs, LATE).await;
    town.go_on(6.0).await;
    let seen = town.settle().await;
    assert_eq!(seen.refused, 0);
    town.nothing_left(&[&server]).await;
}

#[tokio::test]
async fn nodes_that_are_killed_under_load_lose_nothing() {
    let server = RedisServer::start();
    let configs = vec![redis(&server.url(), "  lease: 2s\n"); 3];
    let mut town = Town::found(&configs, LATE).await;
    for node in [0, 1, 2, 0] {
        town.go_on(1.0).await;
        town.kill(node).await;
        let killed = Instant::now();
        town.accepts_after(killed).await;
        town.go_on(0.5).await;
        town.start(node).await;
    }
    town.settle().await;
    town.nothing_left(&[&server]).await;
}

#[tokio::test]
async fn nodes_that_are_told_to_stop_under_load_lose_nothing() {
    let server = RedisServer::start();
    let configs = vec![redis(&server.url(), ""); 2];
    let mut town = Town::found(&configs, LATE).await;
    for node in [0, 1, 0] {
        town.go_on(1.0).await;
        let status = town.nodes[node].terminate().await;
        assert!(status.success(), "{status}");
        town.doubt();
        let stopped = Instant::now();
        town.accepts_after(stopped).await;
        town.start(node).await;
    }
    let seen = town.settle().await;
    assert_eq!(seen.refused, 0, "whoever still answers also takes messages");
    town.nothing_left(&[&server]).await;
}

#[tokio::test]
async fn the_devices_of_a_killed_node_are_away_after_its_lease_and_keep_their_inboxes() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let mut nodes = nodes(2, &server, &site, "  lease: 2s\ndevice_ttl: 60\n").await;
    let mut client = Client::v4(&nodes[0], "demo", "user_1", "d").await;
    nodes[1].send("demo", &["user_1"], "before", json!(1)).await;
    client.event("before").await;
    nodes[0].kill9().await;
    let killed = Instant::now();
    let receipt = async |event: &str| nodes[1].send("demo", &["user_1"], event, json!(1)).await;
    assert_eq!(receipt("unnoticed").await["online"], 1);
    until("the device is away", async || (receipt("probe").await["online"] == 0).then_some(())).await;
    assert!(killed.elapsed() < Duration::from_secs(6), "{:?}", killed.elapsed());
    let mut client = Client::v4(&nodes[1], "demo", "user_1", "d").await;
    let names = client.acked("_batch").await.batch_names();
    assert_eq!(names[..2], ["before", "unnoticed"]);
    assert!(names[2..].iter().all(|name| *name == "probe"));
}

#[tokio::test]
async fn the_time_of_a_device_runs_from_the_end_of_a_killed_nodes_lease() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let mut nodes = nodes(2, &server, &site, "  lease: 2s\ndevice_ttl: 2\n").await;
    let _client = Client::v4(&nodes[0], "demo", "user_1", "d").await;
    nodes[0].kill9().await;
    let devices = async || nodes[1].send("demo", &["user_1"], "e", json!(1)).await["devices"].clone();
    let killed = Instant::now();
    assert_eq!(devices().await, 1);
    until("the device is forgotten", async || (devices().await == 0).then_some(())).await;
    assert!(killed.elapsed() > Duration::from_secs(2), "{:?}", killed.elapsed());
}

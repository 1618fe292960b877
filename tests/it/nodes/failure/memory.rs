//! No memory left at Redis.

use serde_json::json;

use super::super::redis;
use super::{accepted, complaints, refused};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;

#[tokio::test]
async fn when_memory_is_full_messages_are_refused_and_acks_make_room() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let setup = || {
        let queue = "queue: {maxMessages: 100000, maxBytes: 1GiB}";
        Setup::new().config(&redis(&server.url(), "")).site("demo", &site, queue)
    };
    let gateway = setup().start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let limit = |above: i64| {
        let used: i64 = server.field("used_memory").unwrap().parse().unwrap();
        server.cli(&["CONFIG", "SET", "maxmemory", &(used + above).to_string()]);
    };
    limit(2 << 20);
    let body = "x".repeat(50_000);
    let (mut taken, mut events) = (0, Vec::new());
    while gateway.try_send("demo", "user_1", "n", json!([taken, body])).await == Some(200) {
        taken += 1;
        events.push(client.event("n").await);
        assert!(taken < 1000, "memory must be full some time");
    }
    assert!(taken > 5, "{taken}");
    // So that a short one has no room either.
    limit(-300_000);
    for _ in 0..20 {
        refused(&gateway, "user_1").await;
    }
    client.settled().await;
    // Another node can come up.
    let other = setup().start_unready().await;
    super::ready(&other).await;
    refused(&other, "user_1").await;
    for event in &events {
        client.ack(event).await;
    }
    accepted(&gateway, "user_1", "again").await;
    client.acked("again").await;
    accepted(&other, "user_1", "there too").await;
    client.acked("there too").await;
    client.settled().await;
    let loud = complaints(&gateway);
    assert!(loud.iter().any(|line| line.contains("OOM")), "{loud:#?}");
    assert!(loud.len() < 10, "the log is not flooded: {loud:#?}");
}

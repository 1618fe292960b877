//! Gateways before and after a move.

use serde_json::json;

use super::desk::Desk;
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;

/// What waited when a gateway was killed is delivered by one that starts on the store that it was moved to.
#[tokio::test]
async fn devices_get_after_a_move_what_waited_before_it() {
    let site = backend::start().await;
    let mut gateway = Setup::new().site("demo", &site, "queue:\n  maxMessages: 3").start().await;
    for user in ["user_1", "user_2", "user_3"] {
        Client::v4(&gateway, "demo", user, "d").await.close().await;
    }
    // One has three messages, one had more than it may have, and one is connected when the gateway dies.
    let _online = Client::v4(&gateway, "demo", "user_3", "d").await;
    for number in 0..3 {
        gateway.send("demo", &["user_1", "user_2"], "n", json!(number)).await;
    }
    gateway.send("demo", &["user_2", "user_3"], "n", json!(3)).await;
    gateway.kill9().await;

    let (desk, redis) = (Desk::new(), RedisServer::start());
    let data = format!("sqlite:{}", gateway.data().display());
    let said = desk.moves(&data, &redis.url(), &[]);
    assert!(said.contains("3 devices (1 owe a resync)"), "{said}");
    std::fs::rename(gateway.data(), desk.path("old")).unwrap();
    desk.moves(&redis.url(), &data, &[]);
    gateway.start_again().await;

    let mut first = Client::v4(&gateway, "demo", "user_1", "d").await;
    let batch = first.acked("_batch").await.batch();
    assert_eq!(batch, [json!(["n", 0]), json!(["n", 1]), json!(["n", 2])]);
    let mut second = Client::v4(&gateway, "demo", "user_2", "d").await;
    second.event("_resync").await;
    let mut third = Client::v4(&gateway, "demo", "user_3", "d").await;
    assert_eq!(third.acked("_batch").await.batch(), [json!(["n", 3])]);
    let receipt = gateway.send("demo", &["user_1", "user_2", "user_3"], "new", json!(null)).await;
    assert_eq!((&receipt["devices"], &receipt["online"]), (&json!(3), &json!(3)));
    for client in [&mut first, &mut second, &mut third] {
        client.acked("new").await;
    }
}

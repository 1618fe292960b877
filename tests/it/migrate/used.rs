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

/// The way of an operator: to Redis with all that waits, some days there, and back.
#[tokio::test]
async fn gateways_go_on_in_redis_and_back_in_the_embedded_store() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    let (desk, redis) = (Desk::new(), RedisServer::start());
    let (data, config) = (gateway.data(), gateway.data().with_file_name("config.yml"));
    let embedded = std::fs::read_to_string(&config).unwrap();
    for device in ["a", "b"] {
        Client::v4(&gateway, "demo", "user_1", device).await.close().await;
    }
    gateway.send("demo", &["user_1"], "n", json!(0)).await;
    gateway.terminate().await;
    let store = format!("sqlite:{}", data.display());
    desk.moves(&store, &redis.url(), &[]);

    std::fs::write(&config, format!("{embedded}redis: {}\n", redis.url())).unwrap();
    gateway.start_again().await;
    assert_eq!(gateway.send("demo", &["user_1"], "n", json!(1)).await["devices"], 2);
    let mut a = Client::v4(&gateway, "demo", "user_1", "a").await;
    assert_eq!(a.acked("_batch").await.batch(), [json!(["n", 0]), json!(["n", 1])]);
    gateway.send("demo", &["user_1"], "n", json!(2)).await;
    a.acked("n").await;
    let error = desk.refused(&redis.url(), "sqlite:back", &[]);
    assert!(error.contains("a gateway runs on the store"), "{error}");
    a.close().await;
    assert!(gateway.terminate().await.success());

    std::fs::rename(&data, desk.path("old")).unwrap();
    desk.moves(&redis.url(), &store, &[]);
    std::fs::write(&config, embedded).unwrap();
    gateway.start_again().await;
    let mut b = Client::v4(&gateway, "demo", "user_1", "b").await;
    assert_eq!(b.acked("_batch").await.batch(), [json!(["n", 0]), json!(["n", 1]), json!(["n", 2])]);
    let mut a = Client::v4(&gateway, "demo", "user_1", "a").await;
    assert_eq!(gateway.send("demo", &["user_1"], "n", json!(3)).await["devices"], 2);
    assert_eq!(a.acked("n").await.args(), [json!(3)], "nothing else had waited for it");
    b.acked("n").await;
}

/// What a move left in the middle is no store for a gateway.
#[tokio::test]
async fn no_gateway_starts_on_what_was_moved_in_part() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    gateway.terminate().await;
    let (desk, redis) = (Desk::new(), RedisServer::start());
    desk.moves(&format!("sqlite:{}", gateway.data().display()), &redis.url(), &[]);
    for head in redis.cli(&["--scan", "--pattern", "*}:h"]).lines() {
        let model = redis.cli(&["HGET", head, "model"]);
        redis.cli(&["HSET", head, "model", &format!("moving {model}")]);
    }
    let config = gateway.data().with_file_name("config.yml");
    let embedded = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{embedded}redis: {}\n", redis.url())).unwrap();
    let (status, said) = gateway.start_on_its_store().await;
    assert!(!status.success() && said.contains("postroom migrate` to this prefix"), "{said}");
}

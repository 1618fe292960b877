//! Somebody else's keys under our prefix.

use serde_json::json;

use super::super::redis;
use super::{accepted, not_ready, ready, refused};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;

/// How the keys of this user's shard begin.
fn shard_of(server: &RedisServer, user: &str) -> String {
    device_of(server, user).0
}

/// How the keys of the shard of this user's device begin, and the number of the device.
fn device_of(server: &RedisServer, user: &str) -> (String, String) {
    let keys = server.cli(&["--scan", "--pattern", "*:d:*"]);
    let is_of = |key: &&str| server.cli(&["GET", key]).contains(&format!("\"{user}\""));
    let key = keys.lines().find(is_of).unwrap_or_else(|| panic!("no device of {user} in {keys}"));
    let (shard, number) = key.split_once("d:").unwrap();
    (shard.to_owned(), number.to_owned())
}

#[tokio::test]
async fn a_foreign_inbox_spoils_only_its_own_messages() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "  shards: 1\n")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let mut other = Client::v4(&gateway, "demo", "user_2", "d").await;
    let (shard, number) = device_of(&server, "user_1");
    let inbox = format!("{shard}q:{number}");
    server.cli(&["SET", &inbox, "foreign"]);
    let answer = refused(&gateway, "user_1").await;
    // Nobody knows how far it came.
    assert!(answer.text().contains("perhaps"), "{}", answer.text());
    gateway.log_line("WRONGTYPE").await;
    for _ in 0..3 {
        gateway.send("demo", &["user_2"], "e", json!(1)).await;
        other.acked("e").await;
    }
    client.settled().await;
    server.cli(&["DEL", &inbox]);
    accepted(&gateway, "user_1", "after").await;
    super::super::named(&mut client, "after").await;
}

#[tokio::test]
async fn a_foreign_head_stops_only_its_own_shard() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    for user in ["user_1", "user_2", "user_3", "user_4"] {
        Client::v4(&gateway, "demo", user, "d").await.close().await;
    }
    let head = format!("{}h", shard_of(&server, "user_1"));
    let users = ["user_2", "user_3", "user_4"];
    let elsewhere = users.iter().find(|user| format!("{}h", shard_of(&server, user)) != head).unwrap();
    drop(gateway);
    // Like this its name stays in the shard.
    let aside = format!("{head}-aside");
    server.cli(&["RENAME", &head, &aside]);
    server.cli(&["SET", &head, "foreign"]);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start_unready().await;
    let said = not_ready(&gateway, "WRONGTYPE").await;
    assert!(said.contains("1 of 16 shards"), "{said}");
    gateway.log_line("WRONGTYPE").await;
    refused(&gateway, "user_1").await;
    let receipt = gateway.send("demo", &[elsewhere], "e", json!(1)).await;
    assert_eq!(receipt["devices"], 1);
    server.cli(&["RENAME", &aside, &head]);
    accepted(&gateway, "user_1", "after").await;
    ready(&gateway).await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    assert!(client.acked("_batch").await.batch_names().iter().any(|name| name == "after"));
}

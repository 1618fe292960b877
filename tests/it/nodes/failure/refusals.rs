//! Servers that must not be used, and users who may not do what has to be done: told with the mend.

use serde_json::json;

use super::super::redis;
use super::{accepted, not_ready, ready, refused};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;

/// A gateway on this URL does not start; what it says.
async fn in_vain(url: &str, more: &str) -> String {
    let site = backend::start().await;
    let (status, said) = Setup::demo(&site).config(&redis(url, more)).start_in_vain().await;
    assert_eq!(status.code(), Some(1), "{said}");
    said
}

/// The URL for a user with these rights and no others.
fn with_user(server: &RedisServer, rights: &[&str]) -> String {
    let mut command = vec!["ACL", "SETUSER", "postroom", "reset", "on", ">secret"];
    command.extend(rights);
    assert_eq!(server.cli(&command), "OK");
    server.url().replace("redis://", "redis://postroom:secret@")
}

#[tokio::test]
async fn a_server_that_would_delete_messages_is_refused_at_the_start() {
    let server = RedisServer::with(&[("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")]);
    let said = in_vain(&server.url(), "").await;
    assert!(said.contains("allkeys-lru") && said.contains("set it to noeviction"), "{said}");
}

#[tokio::test]
async fn data_of_other_shards_is_refused_at_the_start() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    drop(Setup::demo(&site).config(&redis(&server.url(), "  shards: 4\n")).start().await);
    let said = in_vain(&server.url(), "  shards: 8\n").await;
    assert!(said.contains("redis.shards") && said.contains("redis.prefix"), "{said}");
    // Beside it there is room.
    let more = "  shards: 8\n  prefix: other\n";
    drop(Setup::demo(&site).config(&redis(&server.url(), more)).start().await);
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_the_start_and_not_shown() {
    let server = RedisServer::with(&[("requirepass", "right")]);
    let said = in_vain(&server.url().replace(":right@", ":hunter2@"), "").await;
    assert!(said.contains("check user and password") && !said.contains("hunter2"), "{said}");
    let said = in_vain(&server.url().replace(":right@", ""), "").await;
    assert!(said.contains("NOAUTH"), "{said}");
}

#[tokio::test]
async fn a_user_who_may_not_run_scripts_is_refused_at_the_start() {
    let server = RedisServer::start();
    let said = in_vain(&with_user(&server, &["~*", "&*", "+@all", "-evalsha"]), "").await;
    assert!(said.contains("NOPERM") && said.contains("evalsha"), "{said}");
}

/// Since Redis 7 a new user may use no channel.
#[tokio::test]
async fn a_user_who_may_not_use_channels_is_refused_at_the_start() {
    let server = RedisServer::start();
    let said = in_vain(&with_user(&server, &["~*", "resetchannels", "+@all"]), "").await;
    assert!(said.contains("NOPERM") && said.contains("channel"), "{said}");
}

#[tokio::test]
async fn a_user_with_just_the_prefix_is_enough() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let url = with_user(&server, &["~postroom*", "&postroom*", "+@all", "-@admin", "-@dangerous", "+info"]);
    let gateway = Setup::demo(&site).config(&redis(&url, "")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.acked("e").await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_later_is_told_and_taken_up_again() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let url = with_user(&server, &["~*", "&*", "+@all"]);
    let gateway = Setup::demo(&site).config(&redis(&url, "  lease: 1s\n")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    server.cli(&["ACL", "SETUSER", "postroom", "-evalsha"]);
    refused(&gateway, "user_1").await;
    not_ready(&gateway, "NOPERM").await;
    client.settled().await;
    server.cli(&["ACL", "SETUSER", "postroom", "+evalsha"]);
    accepted(&gateway, "user_1", "after").await;
    ready(&gateway).await;
    super::super::named(&mut client, "after").await;
}

#[tokio::test]
async fn a_replica_is_told_and_used_once_it_is_the_master() {
    let (master, replica, site) = (RedisServer::start(), RedisServer::start(), backend::start().await);
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let gateway = Setup::demo(&site).config(&redis(&replica.url(), "")).start_unready().await;
    not_ready(&gateway, "replica").await;
    gateway.log_line("replica").await;
    refused(&gateway, "user_1").await;
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    accepted(&gateway, "user_1", "e").await;
    ready(&gateway).await;
    // And back, while it is in use: nothing is written there any more.
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    refused(&gateway, "user_1").await;
    not_ready(&gateway, "").await;
    client.settled().await;
}

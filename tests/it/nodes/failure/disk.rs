//! Redis cannot write to its disk.

use std::path::PathBuf;

use serde_json::json;

use super::super::redis;
use super::{accepted, refused};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::{RedisServer, until};

fn server() -> RedisServer {
    RedisServer::with(&[("save", "3600 1000000")])
}

fn snapshot(server: &RedisServer) -> PathBuf {
    server.socket().with_file_name("dump.rdb")
}

fn save(server: &RedisServer, outcome: &str) {
    server.cli(&["BGSAVE"]);
    until("the snapshot has ended", 20, || {
        server.field("rdb_last_bgsave_status").as_deref() == Some(outcome)
    });
}

/// Something lies where the file should be.
fn spoil(server: &RedisServer) {
    std::fs::create_dir(snapshot(server)).unwrap();
    save(server, "err");
}

fn mend(server: &RedisServer) {
    std::fs::remove_dir(snapshot(server)).unwrap();
    save(server, "ok");
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_refuses_messages_until_it_is_mended() {
    let (server, site) = (server(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "m1", json!(1)).await;
    let event = client.event("m1").await;
    spoil(&server);
    refused(&gateway, "user_1").await;
    gateway.log_line("MISCONF").await;
    super::not_ready(&gateway, "MISCONF").await;
    client.ack(&event).await;
    client.settled().await;
    mend(&server);
    accepted(&gateway, "user_1", "m2").await;
    super::ready(&gateway).await;
    super::super::named(&mut client, "m2").await;
    client.close().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let names = client.acked("_batch").await.batch_names();
    assert!(!names.iter().any(|name| name == "m1"), "the ack was kept: {names:?}");
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_at_the_start_is_waited_for() {
    let (server, site) = (server(), backend::start().await);
    spoil(&server);
    let gateway = Setup::demo(&site).config(&redis(&server.url(), "")).start_unready().await;
    super::not_ready(&gateway, "MISCONF").await;
    refused(&gateway, "user_1").await;
    mend(&server);
    accepted(&gateway, "user_1", "e").await;
    super::ready(&gateway).await;
}

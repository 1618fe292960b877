//! `redis.waitReplicas`, and servers that want replicas themselves.

use super::super::redis;
use super::{accepted, not_ready, ready, refused};
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::Setup;
use crate::support::redis::{RedisServer, until};

fn follow(replica: &RedisServer, master: &RedisServer) {
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    until("the replica is in sync", 20, || replica.field("master_link_status").as_deref() == Some("up"));
}

#[tokio::test]
async fn with_too_few_replicas_a_message_is_not_promised() {
    let (master, mut replica, site) = (RedisServer::start(), RedisServer::start(), backend::start().await);
    let gateway = Setup::demo(&site).config(&redis(&master.url(), "  waitReplicas: 1\n")).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let answer = refused(&gateway, "user_1").await;
    assert!(answer.text().contains("perhaps not accepted"), "{}", answer.text());
    client.acked("refused").await;
    follow(&replica, &master);
    accepted(&gateway, "user_1", "promised").await;
    super::super::named(&mut client, "promised").await;
    replica.kill9();
    refused(&gateway, "user_1").await;
}

#[tokio::test]
async fn a_server_that_wants_replicas_refuses_messages_until_they_are_there() {
    let settings = [("min-replicas-to-write", "1"), ("min-replicas-max-lag", "2")];
    let (master, replica) = (RedisServer::with(&settings), RedisServer::start());
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config(&redis(&master.url(), "")).start_unready().await;
    not_ready(&gateway, "NOREPLICAS").await;
    refused(&gateway, "user_1").await;
    follow(&replica, &master);
    accepted(&gateway, "user_1", "e").await;
    ready(&gateway).await;
}

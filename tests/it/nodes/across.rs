//! From node to node while everything is well.

use serde_json::json;

use super::{nodes, redis, until};
use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;

#[tokio::test]
async fn what_is_sent_to_any_node_is_received_on_any() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let nodes = nodes(3, &server, &site, "").await;
    let mut clients = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        clients.push(Client::v4(node, "demo", &format!("user_{at}+staff"), "d").await);
    }
    for (from, node) in nodes.iter().enumerate() {
        for (at, client) in clients.iter_mut().enumerate() {
            let event = format!("from {from}");
            let receipt = node.send("demo", &[&format!("user_{at}")], &event, json!(1)).await;
            assert_eq!((&receipt["devices"], &receipt["online"]), (&json!(1), &json!(1)));
            client.acked(&event).await;
        }
        let receipt = node.send("demo", &["Staff"], "to all", json!(from)).await;
        assert_eq!((&receipt["devices"], &receipt["online"]), (&json!(3), &json!(3)));
        for client in &mut clients {
            assert_eq!(client.acked("to all").await.args(), [json!(from)]);
        }
    }
}

#[tokio::test]
async fn what_waits_is_received_on_another_node_and_what_was_acked_there_is_gone_here() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let nodes = nodes(2, &server, &site, "").await;
    Client::v4(&nodes[0], "demo", "user_1", "d").await.close().await;
    // The end of a session is recorded a moment later.
    until("the device is away", async || {
        let receipt = nodes[1].send("demo", &["user_1"], "probe", json!(1)).await;
        (receipt["online"] == 0).then_some(())
    })
    .await;
    for name in ["m1", "m2"] {
        nodes[0].send("demo", &["user_1"], name, json!(1)).await;
    }
    let mut there = Client::v4(&nodes[1], "demo", "user_1", "d").await;
    let batch = there.acked("_batch").await;
    let names = batch.batch_names();
    assert_eq!(names[names.len() - 2..], ["m1", "m2"]);
    nodes[0].send("demo", &["user_1"], "m3", json!(1)).await;
    there.event("m3").await;
    there.settled().await;
    there.close().await;
    let mut here = Client::v4(&nodes[0], "demo", "user_1", "d").await;
    assert_eq!(here.acked("_batch").await.batch_names(), ["m3"]);
}

#[tokio::test]
async fn the_same_device_on_two_nodes_gets_everything_on_both_and_the_first_ack_settles() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let nodes = nodes(2, &server, &site, "").await;
    let mut one = Client::v4(&nodes[0], "demo", "user_1", "d").await;
    let mut two = Client::v3(&nodes[1], "demo", "user_1", "d").await;
    for name in ["m1", "m2", "m3"] {
        let receipt = nodes[0].send("demo", &["user_1"], name, json!(1)).await;
        assert_eq!((&receipt["devices"], &receipt["online"]), (&json!(1), &json!(1)));
    }
    one.acked("m1").await;
    one.event("m2").await;
    one.event("m3").await;
    two.event("m1").await;
    two.acked("m2").await;
    two.event("m3").await;
    two.settled().await;
    one.settled().await;
    // One of them goes: the other still hears.
    one.close().await;
    nodes[0].send("demo", &["user_1"], "m4", json!(1)).await;
    two.acked("m4").await;
    two.settled().await;
    two.close().await;
    let mut client = Client::v4(&nodes[0], "demo", "user_1", "d").await;
    assert_eq!(client.acked("_batch").await.batch_names(), ["m3"], "acks of both nodes count");
}

#[tokio::test]
async fn a_plain_broadcast_crosses_nodes_once() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let setup = || Setup::new().broadcast_site("plain", &site, "").config(&redis(&server.url(), ""));
    let nodes = [setup().start().await, setup().start().await, setup().start().await];
    let mut clients = Vec::new();
    for node in &nodes {
        clients.push(Client::v4(node, "plain", "news+sport", "").await);
        clients.push(Client::v3(node, "plain", "sport+news", "").await);
    }
    let mut other = Client::v4(&nodes[0], "plain", "weather", "").await;
    for (from, node) in nodes.iter().enumerate() {
        node.send("plain", &["news", "sport"], "both", json!(from)).await;
        for client in &mut clients {
            let event = client.event("both").await;
            assert_eq!((event.ack, event.args()), (None, &[json!(from)][..]));
        }
    }
    for client in &mut clients {
        client.settled().await;
    }
    other.settled().await;
}

#[tokio::test]
async fn the_public_channel_reaches_the_anonymous_on_every_node() {
    let (server, site) = (RedisServer::start(), backend::start().await);
    let setup =
        || Setup::new().site("demo", &site, "publicChannel: browse").config(&redis(&server.url(), ""));
    let nodes = [setup().start().await, setup().start().await];
    let mut named = Client::v4(&nodes[0], "demo", "browse", "visitor").await;
    let mut nameless = Client::join(&nodes[1], Dial::v4().query("token=browse"), "demo").await;
    let mut user = Client::v4(&nodes[1], "demo", "user_1+browse", "d").await;
    for (from, node) in nodes.iter().enumerate() {
        node.send("demo", &["Browse"], "offer", json!(from)).await;
        named.acked("offer").await;
        user.acked("offer").await;
        assert_eq!(nameless.event("offer").await.args(), [json!(from)]);
    }
    for client in [&mut named, &mut nameless, &mut user] {
        client.settled().await;
    }
}

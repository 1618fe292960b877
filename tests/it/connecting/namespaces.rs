//! Namespaces of one connection: unknown ones, several, left and joined again; and what clients say there.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial, auth};
use crate::support::gateway::Setup;

#[tokio::test]
async fn a_namespace_that_no_site_has_is_told_to_be_invalid() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for dial in [Dial::v3(), Dial::v4()] {
        let mut client = Client::dial(&gateway, &dial.who("user_1", "d")).await;
        for name in ["nope", "Demo", "demo/x", "__proto__"] {
            client.connect(name, None).await;
            assert_eq!(client.refused(name).await, "Invalid namespace", "{name}");
        }
        client.connect("demo", None).await;
        client.joined("demo").await;
        client.close().await;
    }
}

#[tokio::test]
async fn the_root_may_be_joined_and_nothing_happens_there() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    client.connect("", None).await;
    let connect = client.packet().await;
    assert_eq!((connect.kind, connect.namespace.as_str()), ('0', "/"));
    client.say(r#"2["join","user_1"]"#).await;
    client.say(r#"27["with an ack"]"#).await;
    client.settled().await;
    assert_eq!(site.seen().len(), 0);
}

#[tokio::test]
async fn what_clients_say_is_taken_and_means_nothing() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    client.say(r#"2/demo,["event",{"a":1}]"#).await;
    client.say(r#"2/demo,12["event with ack"]"#).await;
    client.say(r#"51-/demo,["binary",{"_placeholder":true,"num":0}]"#).await;
    client.raw_binary(&[1, 2, 3]).await;
    client.say("3/demo,999999[]").await;
    client.settled().await;
    let mut old = Client::v3(&gateway, "demo", "user_1", "old").await;
    old.say(r#"51-/demo,["binary",{"_placeholder":true,"num":0}]"#).await;
    old.raw_binary(&[4, 1, 2, 3]).await;
    old.settled().await;
    gateway.send("demo", &["user_1"], "end", json!(1)).await;
    client.event("end").await;
    old.event("end").await;
}

#[tokio::test]
async fn an_ack_may_come_as_a_binary_packet() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    let ack = client.event("e").await.ack.unwrap();
    client.say(&format!(r#"61-/demo,{ack}[{{"_placeholder":true,"num":0}}]"#)).await;
    client.raw_binary(b"got it").await;
    client.close().await;
    Client::v4(&gateway, "demo", "user_1", "d").await.settled().await;
}

#[tokio::test]
async fn a_namespace_may_be_left_and_joined_again_on_the_same_connection() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for dial in [Dial::v3(), Dial::v4()] {
        let mut client = Client::dial(&gateway, &dial.who("user_1", "d")).await;
        for round in 0..3 {
            client.connect("demo", None).await;
            client.joined("demo").await;
            if round > 0 {
                assert_eq!(client.acked("_batch").await.batch_names(), ["while away"]);
            }
            gateway.send("demo", &["user_1"], "while here", json!(1)).await;
            client.acked("while here").await;
            client.leave("demo").await;
            client.settled().await;
            gateway.send("demo", &["user_1"], "while away", json!(1)).await;
            client.settled().await;
        }
        client.connect("demo", None).await;
        client.joined("demo").await;
        client.acked("_batch").await;
        client.close().await;
    }
}

#[tokio::test]
async fn asking_twice_is_being_let_in_once() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    client.connect("demo", Some(auth("user_2", "d"))).await;
    client.settled().await;
    gateway.send("demo", &["user_2"], "not for it", json!(1)).await;
    gateway.send("demo", &["user_1"], "once", json!(1)).await;
    client.acked("once").await;
    client.settled().await;
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn namespaces_of_one_connection_may_be_different_users() {
    let site = backend::start().await;
    let gateway = Setup::new().site("one", &site, "").site("two", &site, "").start().await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    for (name, token) in [("one", "user_1"), ("two", "user_2")] {
        client.connect(name, Some(auth(token, "d"))).await;
        client.joined(name).await;
    }
    gateway.send("one", &["user_2"], "nobody", json!(1)).await;
    gateway.send("two", &["user_2"], "two", json!(1)).await;
    assert_eq!(client.acked("two").await.namespace, "/two");
    gateway.send("one", &["user_1"], "one", json!(1)).await;
    assert_eq!(client.acked("one").await.namespace, "/one");
}

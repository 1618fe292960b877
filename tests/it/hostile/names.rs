//! Names that mean something elsewhere: patterns, quotes, separators.

use serde_json::json;

use super::Scene;
use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;

/// A deviceId is a name and no pattern: whoever calls itself `*` reads and takes nothing of others.
#[tokio::test]
async fn a_device_id_is_no_pattern() {
    let server = backend::start().await;
    let setup = Setup::new().site("demo", &server, "publicChannel: browse");
    let mut scene = Scene::with(setup, server).await;
    let victim = "a:b";
    drop(Client::v3(&scene.gateway, "demo", "browse", victim).await);
    scene.gateway.send("demo", &["browse"], "secret", json!(1)).await;
    let long = "x".repeat(256);
    let names = ["*", "?:?", "[a-z]:b", "a", "a:", ":b", "%", "_:_", "a:b' OR '1'='1", "a:b\0", "A:B", &long];
    for name in names {
        let mut thief = Client::v3(&scene.gateway, "demo", "browse", name).await;
        // Acknowledges whatever could be meant.
        for id in 0..20 {
            thief.raw(&format!("43/demo,{}[]", (1_u64 << 30) + id)).await;
            thief.raw(&format!("43/demo,{id}[]")).await;
        }
        thief.settled().await;
        thief.leave("demo").await;
    }
    let mut victim = Client::v3(&scene.gateway, "demo", "browse", victim).await;
    assert_eq!(victim.acked("_batch").await.batch(), [json!(["secret", 1])]);
    scene.calm().await;
}

#[tokio::test]
async fn names_that_are_too_long_are_refused() {
    let mut scene = Scene::new().await;
    let mut client = Client::dial(&scene.gateway, &Dial::v4().who("user_1", &"x".repeat(257))).await;
    client.connect("demo", None).await;
    assert!(client.refused("demo").await.contains("deviceId"));
    client.raw(&format!("40/{},", "n".repeat(200))).await;
    assert_eq!(client.ended().await.unwrap().0, 1002);
    // Everything that could be written into a header behind the token.
    for token in ["a\r\nX-Evil: 1", "a\0", "a\u{7f}"] {
        let mut client = Client::dial(&scene.gateway, &Dial::v4().who(token, "d")).await;
        client.connect("demo", None).await;
        client.refused("demo").await;
    }
    assert!(scene.server.seen().iter().all(|seen| seen.header("x-evil").is_none()));
    scene.calm().await;
}

#[tokio::test]
async fn more_namespaces_than_there_can_be_end_the_connection() {
    let mut scene = Scene::new().await;
    let mut client = Client::dial(&scene.gateway, &Dial::v4().who("user_1", "d")).await;
    for name in ["__proto__", "constructor", "demo/", "demo?token=x", "Demo", "../demo", "%64emo"] {
        client.raw(&format!("40/{name},")).await;
        let packet = client.packet().await;
        if name == "demo?token=x" {
            assert_eq!((packet.kind, packet.namespace.as_str()), ('4', "/demo"), "{packet:?}");
        } else {
            assert_eq!(packet.json, json!({ "message": "Invalid namespace" }), "{name}");
        }
    }
    scene.calm().await;
}

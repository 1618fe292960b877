//! Answers of the site's own server that nobody expects.

use serde_json::json;

use super::Scene;
use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;
use crate::support::site_server::{Reply, SiteServer};

fn rooms(count: usize) -> String {
    let rooms: Vec<String> =
        std::iter::once("user_many".to_owned()).chain((1..count).map(|n| format!("room-{n}"))).collect();
    json!(rooms).to_string()
}

async fn scene() -> Scene {
    let server = SiteServer::start(|seen, _| match backend::token(seen).as_str() {
        "many" => Reply::json(200, &rooms(10_000)),
        "too-many" => Reply::json(200, &rooms(10_001)),
        "deep" => Reply::json(200, &format!("{}{}", "[".repeat(200_000), "]".repeat(200_000))),
        "long" => Reply::json(200, &format!("[\"user_{}\"]", "x".repeat(2_000_000))),
        _ => backend::answer(seen),
    })
    .await;
    Scene::with(Setup::demo(&server), server).await
}

#[tokio::test]
async fn a_client_may_be_in_ten_thousand_rooms_and_in_no_more() {
    let mut scene = scene().await;
    let mut many = Client::v4(&scene.gateway, "demo", "many", "m").await;
    for room in ["room-1", "room-9999"] {
        scene.gateway.send("demo", &[room], "hello", json!(room)).await;
        assert_eq!(many.acked("hello").await.args(), [json!(room)]);
    }
    // Again and again: the rooms are replaced, not added.
    for _ in 0..20 {
        many.leave("demo").await;
        many.connect("demo", None).await;
        many.joined("demo").await;
    }
    scene.calm().await;
}

#[tokio::test]
async fn impossible_answers_let_nobody_in_and_log_nobody_out() {
    let mut scene = scene().await;
    for token in ["too-many", "deep", "long"] {
        let mut client = Client::dial(&scene.gateway, &Dial::v3().who(token, "d")).await;
        client.connect("demo", None).await;
        let told = client.refused("demo").await;
        assert!(!told.starts_with("Auth"), "{token}: {told}");
    }
    scene.calm().await;
}

//! The main way, once, from end to end.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;
use crate::support::http::Wire;

#[tokio::test]
async fn a_message_reaches_a_client_of_either_protocol_and_waits_for_one_that_is_away() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).start().await;
    let mut old = Client::v3(&gateway, "demo", "user_1", "old").await;
    let mut new = Client::v4(&gateway, "demo", "user_1", "new").await;
    let receipt = gateway.send("demo", &["user_1"], "hello", json!({"a": 1})).await;
    assert_eq!(
        (&receipt["devices"], &receipt["online"], &receipt["queued"]),
        (&2.into(), &2.into(), &2.into())
    );
    for client in [&mut old, &mut new] {
        assert_eq!(client.acked("hello").await.args(), [json!({"a": 1})]);
        client.settled().await;
    }
    new.close().await;
    gateway.send("demo", &["user_1"], "later", json!(["x", 2])).await;
    old.acked("later").await;
    let mut new = Client::v4(&gateway, "demo", "user_1", "new").await;
    let batch = new.acked("_batch").await;
    assert_eq!(batch.batch(), [json!(["later", "x", 2])]);
    assert!(gateway.terminate().await.success());
}

#[tokio::test]
async fn a_backend_that_keeps_its_connection_does_not_hold_up_a_stop() {
    let site = backend::start().await;
    let mut gateway = Setup::demo(&site).config("drainTimeout: 60").start().await;
    let mut kept = Wire::open(gateway.port).await;
    kept.ask("GET", "/livez", &[], b"").await;
    assert_eq!(kept.answer().await.status, 200);
    // Waits for less than drainTimeout.
    assert!(gateway.terminate().await.success());
}

#[tokio::test]
async fn a_websocket_for_an_unknown_id_is_opened_and_closed_whatever_worker_the_id_names() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for sid in ["AAAAAAAAAAAAAAAAAAAA", "__AAAAAAAAAAAAAAAAAA"] {
        let mut client = Client::probing(&gateway, &Dial::v4(), sid).await;
        let (code, _) = client.ended().await.expect("a close frame");
        assert_eq!(code, 1002, "{sid}");
    }
}

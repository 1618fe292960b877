//! When the store cannot take a message: the backend is told to come again, and nothing is half done.

use serde_json::json;

use crate::support::backend;
use crate::support::client::{Client, Dial};
use crate::support::gateway::Setup;
use crate::support::send::Send;

#[tokio::test]
async fn a_store_that_cannot_write_is_503_and_takes_messages_again_when_it_can() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).no_size_signal().start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    gateway.send("demo", &["user_1"], "before", json!(1)).await;
    client.acked("before").await;

    gateway.limit_files(Some(0));
    let answer = Send::to(&gateway, "demo").event(&["user_1"], "lost", json!(1)).post().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
    assert!(answer.text().starts_with("The message was not accepted: "), "{}", answer.text());
    let answer = Send::to(&gateway, "demo").wants_json().event(&["user_1"], "lost", json!(1)).post().await;
    assert_eq!((answer.status, answer.content_type()), (503, "application/problem+json"));
    assert_eq!(gateway.get("/readyz").await.status, 503);
    assert_eq!(gateway.get("/livez").await.status, 200);

    // Nor is anybody let in whose device could not be kept; who is there stays.
    let mut new = Client::dial(&gateway, &Dial::v4().who("user_1", "new")).await;
    new.connect("demo", None).await;
    assert_eq!(new.refused("demo").await, "Service unavailable: messages cannot be kept at the moment");
    client.settled().await;

    gateway.limit_files(None);
    new.connect("demo", None).await;
    new.joined("demo").await;
    gateway.send("demo", &["user_1"], "after", json!(1)).await;
    client.acked("after").await;
    new.acked("after").await;
    client.settled().await;
    assert_eq!(gateway.get("/readyz").await.status, 200);
}

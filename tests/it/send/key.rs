//! The key: where it may stand, and that nothing is read before it is right.

use serde_json::json;

use super::HTML;
use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Wire;
use crate::support::send::Send;

#[tokio::test]
async fn the_key_may_stand_in_the_query_or_in_either_header() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let key = Gateway::key("demo");
    let bare = || Send::bare(&gateway).query("site=demo");
    for (number, send) in [
        bare().query(&format!("apiKey={key}")),
        bare().header(&format!("X-Api-Key: {key}")),
        bare().header(&format!("x-api-key: {key}")),
        bare().header(&format!("Authorization: Bearer {key}")),
        bare().header(&format!("authorization: bearer {key}")),
        bare().query("apiKey=").header(&format!("X-Api-Key: {key}")),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = send.event(&["user_1"], "e", json!(number)).post().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "OK"), "{number}");
        assert_eq!(client.event("e").await.args(), [json!(number)]);
    }
}

#[tokio::test]
async fn a_wrong_key_in_a_header_is_wrong() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let key = Gateway::key("demo");
    let bare = || Send::bare(&gateway).query("site=demo");
    for send in [
        bare().header("X-Api-Key: wrong"),
        bare().header("Authorization: Bearer wrong"),
        // The query goes before a header, also where it is wrong.
        bare().query("apiKey=wrong").header(&format!("X-Api-Key: {key}")),
    ] {
        let answer = send.event(&["user_1"], "e", json!(1)).post().await;
        assert_eq!((answer.status, answer.text().as_str()), (401, "ApiKey invalid."));
    }
    let answer =
        bare().header(&format!("Authorization: Basic {key}")).event(&["user_1"], "e", json!(1)).post().await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_the_body_is_there() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    for length in ["Content-Length: 1000000000", "Transfer-Encoding: chunked"] {
        let mut wire = Wire::open(gateway.port).await;
        let headers = ["Content-Type: application/json", length];
        wire.ask("POST", "/send?site=demo&apiKey=wrong", &headers, b"").await;
        let answer = wire.answer().await;
        let expected = (401, HTML, "ApiKey invalid.");
        assert_eq!((answer.status, answer.content_type(), answer.text().as_str()), expected, "{length}");
    }
}

#[tokio::test]
async fn what_an_unknown_caller_sends_is_never_logged() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).env("RUST_LOG", "trace").start().await;
    let wrong = Send::bare(&gateway).query("site=demo").query("apiKey=hunter2hunter2");
    let answer = wrong.event(&["user_1"], "an_event_of_nobody", json!("an_argument_of_nobody")).post().await;
    assert_eq!(answer.status, 401);
    gateway.log_line("message refused").await;
    gateway.assert_not_logged(&["an_event_of_nobody", "an_argument_of_nobody"]);
}

#[tokio::test]
async fn requests_in_a_pipeline_are_answered_in_order() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::v4(&gateway, "demo", "user_1", "d").await;
    let path = Send::to(&gateway, "demo").path();
    let body = |name: &str| format!(r#"{{"rooms":"user_1","event":"{name}"}}"#).into_bytes();
    let json = ["Content-Type: application/json"];
    let mut all = Vec::new();
    all.extend(crate::support::http::request("POST", &path, &json, &body("first")));
    all.extend(crate::support::http::request("POST", "/send?site=demo&apiKey=wrong", &json, &body("wrong")));
    all.extend(crate::support::http::request("GET", "/livez", &[], b""));
    all.extend(crate::support::http::request("POST", &path, &json, &body("second")));
    let mut wire = Wire::open(gateway.port).await;
    wire.write(&all).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(wire.answer().await.status);
    }
    assert_eq!(statuses, [200, 401, 200, 200]);
    client.event("first").await;
    client.event("second").await;
}

#[tokio::test]
async fn a_caller_that_asks_before_it_sends_a_body_is_told_to_go_on_or_not_to() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let body = br#"{"rooms":"user_1","event":"e"}"#;
    let length = format!("Content-Length: {}", body.len());
    let headers = ["Content-Type: application/json", "Expect: 100-continue", &length];
    let mut wire = Wire::open(gateway.port).await;
    wire.ask("POST", &Send::to(&gateway, "demo").path(), &headers, b"").await;
    assert_eq!(wire.answer().await.status, 100);
    wire.write(body).await;
    assert_eq!(wire.answer().await.status, 200);
    let mut wire = Wire::open(gateway.port).await;
    wire.ask("POST", "/send?site=demo&apiKey=wrong", &headers, b"").await;
    let mut answer = wire.answer().await;
    if answer.status == 100 {
        answer = wire.answer().await;
    }
    assert_eq!(answer.status, 401);
}

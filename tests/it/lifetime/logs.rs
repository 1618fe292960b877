//! The log: what happened, and never a token, a key or what a message says.

use serde_json::{Value, json};

use crate::support::backend::{self, WRONG};
use crate::support::client::{Client, Dial, auth};
use crate::support::gateway::{Gateway, Setup};
use crate::support::polling::Poller;
use crate::support::send::Send;
use crate::support::site_server::{Reply, SiteServer};

const TOKEN: &str = "token-4711";
const META: &str = "meta-4711";
const BODY: &str = "what-the-message-says-4711";

/// A site that lets `TOKEN` in, refuses `WRONG`, and does not know what to say to anything else.
async fn site() -> SiteServer {
    SiteServer::start(|seen, _| match backend::token(seen).as_str() {
        _ if seen.method == "PUT" => Reply::json(500, BODY),
        TOKEN => Reply::json(200, r#"["user_1","staff"]"#),
        WRONG => Reply::json(401, BODY),
        _ => Reply::json(200, BODY),
    })
    .await
}

/// All that can happen to a token, a key and a message.
async fn live(gateway: &Gateway) {
    let dial = || Dial::v4().who(TOKEN, "d").query(&format!("meta={META}"));
    let mut client = Client::join(gateway, dial(), "demo").await;
    let mut old = Client::join(gateway, Dial { eio: 3, ..dial() }, "demo").await;
    let poller = Poller::dial(gateway, &dial().header("Authorization", TOKEN)).await;
    poller.say("40/demo,").await;
    gateway.send_resync("demo", &["user_1"], "first", json!(BODY)).await;
    gateway.send("demo", &["staff"], "second", json!({BODY: BODY})).await;
    client.event("first").await;
    client.acked("second").await;
    old.event("first").await;
    for refused in [WRONG, "token-4711-odd", "token-4711\u{1}"] {
        let mut refused_client = Client::dial(gateway, &Dial::v4()).await;
        refused_client.connect("demo", Some(auth(refused, "d"))).await;
        refused_client.refused("demo").await;
        refused_client.raw(&format!("4{TOKEN}{BODY}")).await;
        refused_client.ended().await;
    }
    for send in [
        Send::to(gateway, "demo").body("application/json", format!("{{\"{BODY}")),
        Send::to(gateway, "demo").json(&json!({"rooms": "user_1", "event": "_batch", "args": BODY})),
        Send::bare(gateway).query("site=demo").query("apiKey=key-of-demo-wrong").event(
            &["a"],
            "e",
            json!(BODY),
        ),
        Send::bare(gateway)
            .query("site=demo")
            .header("Authorization: Bearer key-of-demo-wrong")
            .json(&json!(BODY)),
    ] {
        assert!(matches!(send.post().await.status, 400 | 401));
    }
    client.close().await;
}

#[tokio::test]
async fn tokens_keys_and_contents_never_appear_even_when_everything_is_logged() {
    let site = site().await;
    let more = format!("updateUserUrl: {}", site.url("/users/:id"));
    let setup = Setup::new().site("demo", &site, &more).env("RUST_LOG", "trace");
    let mut gateway = setup.config("drainTimeout: 1").start().await;
    live(&gateway).await;
    assert!(gateway.terminate().await.success());
    assert!(gateway.logs().len() > 20);
    gateway.assert_not_logged(&[TOKEN, META, BODY, "key-of-demo"]);
}

#[tokio::test]
async fn the_log_is_json_line_by_line() {
    let site = site().await;
    let mut gateway = Setup::demo(&site).start().await;
    live(&gateway).await;
    gateway.terminate().await;
    for line in gateway.logs() {
        let json: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(json[field].is_string(), "{field}: {line}");
        }
    }
}

#[tokio::test]
async fn at_the_usual_level_it_says_what_an_operator_needs() {
    let site = site().await;
    let mut gateway = Setup::demo(&site).env("RUST_LOG", "info").start().await;
    live(&gateway).await;
    gateway.terminate().await;
    let refused = gateway.log_line("client not let in").await;
    assert!(refused.contains("\"site\":\"demo\"") && refused.contains("Authentication failed"), "{refused}");
    for text in ["\"listening\"", "\"stopping\"", "\"stopped\"", "a 2xx of /send survives"] {
        gateway.log_line(text).await;
    }
    assert!(gateway.logs().len() < 40, "{}", gateway.logs().join("\n"));
}

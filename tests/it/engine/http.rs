//! The HTTP face: error codes, CORS, cookie, origins, path.

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::support::backend;
use crate::support::client::{Client, Dial, upgrade};
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, ask};
use crate::support::polling::Poller;

async fn gateway(config: &str) -> Gateway {
    let site = backend::start().await;
    Setup::demo(&site).config(config).start().await
}

fn error(answer: &Answer) -> (u16, i64, String) {
    assert_eq!(answer.content_type(), "application/json", "{}", answer.text());
    let json = answer.json();
    (answer.status, json["code"].as_i64().unwrap(), json["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_the_official_code() {
    let gateway = gateway("").await;
    let poller = Poller::dial(&gateway, &Dial::v4()).await;
    let sid = &poller.sid;
    let known = format!("EIO=4&transport=polling&sid={sid}");
    for (method, query, code, message) in [
        ("GET", "", 0, "Transport unknown"),
        ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=tcp", 0, "Transport unknown"),
        ("POST", "EIO=4&transport=constructor", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=nope", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
        ("PUT", known.as_str(), 3, "Bad request"),
        ("GET", "transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=5&transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=2&transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=3&transport=polling&j=0", 3, "JSONP polling is not supported"),
        ("GET", "EIO=4&transport=polling&j=12", 3, "JSONP polling is not supported"),
    ] {
        let answer = ask(gateway.port, method, &format!("/socket.io/?{query}"), &[], b"").await;
        assert_eq!(error(&answer), (400, code, message.to_owned()), "{method} {query}");
    }
    // None of that was of harm to the connection that is there.
    poller.say("40").await;
    assert!(poller.packets(1).await[0].starts_with("40"));
}

#[tokio::test]
async fn what_is_wrong_with_an_upgrade_is_answered_before_it() {
    let gateway = gateway("").await;
    let sid = Poller::dial(&gateway, &Dial::v4()).await.sid;
    for (url, status, text) in [
        (
            "/socket.io/?transport=websocket".to_owned(),
            400,
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
        ),
        ("/socket.io/?EIO=4".to_owned(), 400, r#"{"code":0,"message":"Transport unknown"}"#),
        (
            format!("/socket.io/?EIO=4&transport=polling&sid={sid}"),
            400,
            r#"{"code":3,"message":"Bad request"}"#,
        ),
        (
            "/socket.io/?EIO=4&transport=websocket&sid=nope".to_owned(),
            400,
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
        ("/elsewhere".to_owned(), 404, r#"{"message":"Nothing here speaks WebSocket"}"#),
    ] {
        let Err(Error::Http(response)) = upgrade(&gateway, &url, &[]).await else {
            panic!("{url} was let in")
        };
        let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        assert_eq!((response.status().as_u16(), &*body), (status, text), "{url}");
    }
    let old =
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: eA=="];
    let answer = ask(gateway.port, "GET", "/socket.io/?EIO=4&transport=websocket", &old, b"").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn pages_of_other_origins_may_read_the_answers() {
    let gateway = gateway("").await;
    let url = Dial::v4().url("polling");
    let answer = ask(gateway.port, "GET", &url, &["Origin: https://shop.example"], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let answer = ask(gateway.port, "GET", &url, &[], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let headers = ["Origin: https://shop.example", "Access-Control-Request-Headers: X-One, X-Two"];
    let answer = ask(gateway.port, "OPTIONS", &url, &headers, b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-headers")), (204, Some("X-One, X-Two")));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST"));
    // Errors are answers too, which a page wants to read.
    let answer = ask(gateway.port, "GET", "/socket.io/", &["Origin: https://shop.example"], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
}

#[tokio::test]
async fn with_a_list_of_origins_only_they_are_let_in() {
    let gateway = gateway("io:\n  origins:\n    - https://shop.example\n    - http://localhost:8080").await;
    let url = Dial::v4().url("polling");
    for (origin, allowed) in [
        ("https://shop.example", true),
        ("http://localhost:8080", true),
        ("http://shop.example", false),
        ("https://shop.example:444", false),
        ("https://evil.example", false),
        ("https://shop.example.evil.example", false),
        ("null", false),
    ] {
        let line = format!("Origin: {origin}");
        let answer = ask(gateway.port, "GET", &url, &[&line], b"").await;
        let socket =
            upgrade(&gateway, &Dial::v4().url("websocket"), &[("origin".to_owned(), origin.to_owned())])
                .await;
        if allowed {
            assert!(answer.status == 200 && socket.is_ok(), "{origin}");
        } else {
            assert_eq!(error(&answer), (403, 4, "Forbidden".to_owned()), "{origin}");
            let Err(Error::Http(response)) = socket else { panic!("{origin} was let in") };
            assert_eq!(response.status().as_u16(), 403, "{origin}");
            let preflight = ask(gateway.port, "OPTIONS", &url, &[&line], b"").await;
            assert_eq!(preflight.status, 403, "{origin}");
        }
    }
    // No page sends these: there is nobody to protect.
    assert_eq!(ask(gateway.port, "GET", &url, &[], b"").await.status, 200);
    Client::dial(&gateway, &Dial::v3()).await.close().await;
}

#[tokio::test]
async fn a_cookie_is_set_only_where_it_is_wanted() {
    let plain = gateway("").await;
    let answer = Poller::handshake(&plain, &Dial::v4(), &[]).await;
    assert_eq!(answer.header("set-cookie"), None);
    let gateway = gateway("io:\n  cookie: node").await;
    let answer = Poller::handshake(&gateway, &Dial::v4(), &[]).await;
    let cookie = answer.header("set-cookie").unwrap();
    let open: serde_json::Value = serde_json::from_str(&answer.text()[1..]).unwrap();
    let sid = open["sid"].as_str().unwrap();
    assert_eq!(cookie, format!("node={sid}; Path=/; HttpOnly; SameSite=Lax"));
}

#[tokio::test]
async fn the_endpoint_may_be_elsewhere() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("io:\n  path: /push/io").start().await;
    assert_eq!(gateway.get("/socket.io/?EIO=4&transport=polling").await.status, 404);
    let mut dial = Dial::v4().who("user_1", "d");
    "/push/io/".clone_into(&mut dial.path);
    let mut client = Client::join(&gateway, dial.clone(), "demo").await;
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.acked("e").await;
    "/push/io".clone_into(&mut dial.path);
    Poller::dial(&gateway, &dial).await;
}

#[tokio::test]
async fn the_open_packet_states_what_was_configured() {
    let gateway = gateway("io:\n  pingInterval: 12345\n  pingTimeout: 6789\n  maxPayload: 54321").await;
    let polling = Poller::dial(&gateway, &Dial::v4()).await.open;
    let socket = Client::dial(&gateway, &Dial::v4()).await.open;
    let old = Client::dial(&gateway, &Dial::v3()).await.open;
    for open in [&polling, &socket, &old] {
        assert_eq!((&open["pingInterval"], &open["pingTimeout"]), (&json!(12345), &json!(6789)));
    }
    assert_eq!((&polling["maxPayload"], &socket["maxPayload"]), (&json!(54321), &json!(54321)));
    assert_eq!(old.get("maxPayload"), None);
    assert_eq!((&polling["upgrades"], &socket["upgrades"]), (&json!(["websocket"]), &json!([])));
}

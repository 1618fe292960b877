//! Who is not let in, and what it is told: old clients send their user to the log-in page on a text that begins
//! with `Auth`.

use std::time::Duration;

use serde_json::json;

use crate::support::backend::{self, WRONG};
use crate::support::client::{Client, Dial, auth};
use crate::support::gateway::Setup;
use crate::support::http::ask;
use crate::support::site_server::{Reply, SiteServer};

const NO_LIST: &str =
    "Service unavailable: the site's auth server gave an answer that is not a list of rooms";
const DOWN: &str = "Service unavailable: the site's auth server answered";
const PRIVATE: &str = "User is missing a private room";

/// The token, what the site answers to it, and what the client is told.
fn cases() -> Vec<(&'static str, Reply, String)> {
    let html =
        |status| Reply::Answer(status, "content-type: text/html\r\n".to_owned(), b"<h1>no</h1>".to_vec());
    let list = |body: &str| (Reply::json(200, body), NO_LIST.to_owned());
    let mut cases = vec![
        ("a", Reply::json(401, "{}"), "Authentication failed".to_owned()),
        ("b", Reply::Answer(401, String::new(), Vec::new()), "Authentication failed".to_owned()),
        ("c", html(401), "Authentication failed".to_owned()),
        ("d", html(403), "Auth 403 error".to_owned()),
        ("e", Reply::json(201, "[\"user_1\"]"), "Auth 201 error".to_owned()),
        ("f", Reply::json(404, "{}"), "Auth 404 error".to_owned()),
        ("g", html(500), format!("{DOWN} 500")),
        ("h", Reply::json(503, "{}"), format!("{DOWN} 503")),
        ("i", Reply::json(429, "{}"), format!("{DOWN} 429")),
        ("j", Reply::json(200, "[]"), PRIVATE.to_owned()),
        ("k", Reply::json(200, r#"["staff","User_1"]"#), PRIVATE.to_owned()),
        ("l", Reply::Close, "Service unavailable: the site's auth server broke off its answer".to_owned()),
        (
            "m",
            Reply::redirect(302, "/auth"),
            "Service unavailable: the site's auth server redirects to nowhere".to_owned(),
        ),
        (
            "n",
            Reply::json(200, &format!("[\"{}\"]", "x".repeat(1 << 20))),
            "Service unavailable: the site's auth server gave an answer that is too long".to_owned(),
        ),
    ];
    for (token, body) in [
        ("o", "null"),
        ("p", r#"{"rooms":[]}"#),
        ("q", "\"user_1\""),
        ("r", "[\"user_1\",7]"),
        ("s", "["),
        ("t", ""),
    ] {
        let (reply, text) = list(body);
        cases.push((token, reply, text));
    }
    cases
}

#[tokio::test]
async fn what_a_site_answers_decides_what_its_client_is_told() {
    let site = SiteServer::start(|seen, _| {
        let token = backend::token(seen);
        cases().into_iter().find(|(known, ..)| *known == token).map_or(Reply::Close, |(_, reply, _)| reply)
    })
    .await;
    let gateway = Setup::demo(&site).start().await;
    for (token, _, text) in cases() {
        for dial in [Dial::v3(), Dial::v4()] {
            let mut client = Client::dial(&gateway, &dial.who(token, "d")).await;
            client.connect("demo", None).await;
            assert_eq!(client.refused("demo").await, text, "{token}");
            // Told, not thrown out.
            client.settled().await;
        }
    }
}

#[tokio::test]
async fn a_site_that_cannot_be_reached_logs_nobody_out() {
    let site = backend::start().await;
    let setup = Setup::demo(&site);
    drop(site);
    let gateway = setup.start().await;
    let mut client = Client::dial(&gateway, &Dial::v3().who("user_1", "d")).await;
    client.connect("demo", None).await;
    assert_eq!(client.refused("demo").await, "Service unavailable: the site's auth server cannot be reached");
}

#[tokio::test]
async fn a_site_that_answers_objects_is_refused_also_where_nothing_is_kept() {
    let site = SiteServer::start(|_, _| Reply::json(200, "{}")).await;
    let gateway = Setup::new().broadcast_site("plain", &site, "").start().await;
    let mut client = Client::dial(&gateway, &Dial::v4().who("x", "d")).await;
    client.connect("plain", None).await;
    assert_eq!(client.refused("plain").await, NO_LIST);
}

#[tokio::test]
async fn a_token_that_fits_into_no_header_is_refused_without_asking() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    for token in ["a\nb".to_owned(), "x".repeat(16 * 1024 + 1)] {
        client.connect("demo", Some(auth(&token, "d"))).await;
        assert_eq!(
            client.refused("demo").await,
            "Auth error: the token is too long or has control characters"
        );
    }
    let meta = json!({"token": "user_1", "meta": "a\r\nX-Evil: 1"});
    client.connect("demo", Some(meta)).await;
    assert_eq!(client.refused("demo").await, "Bad request: meta is too long or has control characters");
    assert_eq!(site.seen().len(), 0);
}

#[tokio::test]
async fn whoever_was_refused_may_try_again_on_the_same_connection() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let mut client = Client::dial(&gateway, &Dial::v4()).await;
    for _ in 0..3 {
        client.connect("demo", Some(auth(WRONG, "d"))).await;
        assert_eq!(client.refused("demo").await, "Authentication failed");
    }
    client.connect("demo", Some(auth("user_1", "d"))).await;
    client.joined("demo").await;
    gateway.send("demo", &["user_1"], "e", json!(1)).await;
    client.acked("e").await;
}

#[tokio::test]
async fn a_call_for_a_client_that_has_gone_is_given_up() {
    let site = SiteServer::start(|_, _| Reply::Never).await;
    let gateway = Setup::demo(&site).start().await;
    for (count, token, dial) in [(1, "user_1", Dial::v3()), (2, "user_2", Dial::v4())] {
        let mut client = Client::dial(&gateway, &dial.who(token, "d")).await;
        client.connect("demo", None).await;
        site.wait_for(count).await;
        client.close().await;
        site.wait_for_closed(count).await;
    }
}

#[tokio::test]
async fn whoever_joins_no_site_in_time_is_closed() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).config("connectTimeout: 1").start().await;
    let mut silent = Client::dial(&gateway, &Dial::v4()).await;
    let mut guest = Client::dial(&gateway, &Dial::v3()).await;
    let mut refused = Client::dial(&gateway, &Dial::v4().who(WRONG, "d")).await;
    refused.connect("demo", None).await;
    refused.refused("demo").await;
    let mut leaver = Client::v4(&gateway, "demo", "user_1", "leaver").await;
    leaver.leave("demo").await;
    let mut stays = Client::v4(&gateway, "demo", "user_1", "stays").await;
    for client in [&mut silent, &mut guest, &mut refused, &mut leaver] {
        let (code, reason) = client.ended().await.unwrap();
        assert_eq!(code, 1008, "{reason}");
    }
    stays.nothing_while(tokio::time::sleep(Duration::from_millis(1500))).await;
    stays.settled().await;
}

#[tokio::test]
async fn no_client_bundle_is_served() {
    let site = backend::start().await;
    let gateway = Setup::demo(&site).start().await;
    let answer = ask(gateway.port, "GET", "/socket.io/socket.io.js", &[], b"").await;
    assert_eq!(answer.status, 404);
}

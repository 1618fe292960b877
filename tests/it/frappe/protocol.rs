//! The wire: what ends a connection and what does not, polling, and what browsers ask beforehand.

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::support::client::{Client, Dial, upgrade_at};
use crate::support::frappe::{Bench, SITE, USER_INFO, Visit};
use crate::support::http::ask;
use crate::support::packet::Packet;

#[tokio::test]
async fn an_event_before_one_is_let_in_ends_the_connection() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    let mut never_asked = visit.open().await;
    never_asked.says(json!(["ping"])).await;
    never_asked.ended().await;
    bench.web.hold(USER_INFO);
    let mut too_early = visit.knock().await;
    bench.web.wait_for(USER_INFO, 1).await;
    too_early.says(json!(["ping"])).await;
    too_early.ended().await;
}

#[tokio::test]
async fn asking_twice_for_the_same_site_ends_the_connection() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.client.connect(SITE, None).await;
    alice.ended().await;
}

#[tokio::test]
async fn a_refusal_does_not_end_the_connection_and_one_may_ask_again() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.visit(SITE).sid("sid-alice").open().await;
    bench.web.arrange(USER_INFO, crate::support::site_server::Reply::json(500, "{}"));
    for _ in 0..3 {
        alice.client.connect(SITE, None).await;
        assert!(alice.refused().await.starts_with("Unauthorized"));
    }
    bench.web.as_usual(USER_INFO);
    alice.client.connect(SITE, None).await;
    alice.welcomed().await;
    alice.pinged().await;
}

#[tokio::test]
async fn who_leaves_a_site_hears_nothing_of_it_and_keeps_the_connection() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let mut bob = realtime.user(SITE, "bob").await;
    let first = alice.sid.clone();
    alice.leaves().await;
    alice.client.settled().await;
    bench.publish_to(SITE, "all", "for those who are here", &json!(1));
    bob.event("for those who are here").await;
    alice.client.settled().await;
    alice.client.connect(SITE, None).await;
    alice.welcomed().await;
    assert_ne!(alice.sid, first);
    assert!(bench.is_in(&mut alice, "all").await);
    assert_eq!(bench.web.calls_of(USER_INFO).len(), 3);
}

#[tokio::test]
async fn who_does_not_get_into_a_site_in_time_is_shown_out() {
    let bench = Bench::new().await.config("connectTimeout: 1s");
    let realtime = bench.start().await;
    let mut inside = realtime.user(SITE, "alice").await;
    let mut silent = realtime.visit(SITE).sid("sid-alice").open().await;
    let mut refused = realtime.visit(SITE).sid("sid-alice").namespace("wrong").knock().await;
    assert_eq!(refused.refused().await, "Invalid namespace");
    silent.ended().await;
    refused.ended().await;
    inside.pinged().await;
}

/// The packets of Socket.IO that come to somebody who polls.
async fn polled(poller: &crate::support::polling::Poller, count: usize) -> Vec<Packet> {
    let packets = poller.packets(count).await;
    packets.iter().map(|packet| Packet::parse(packet.strip_prefix('4').unwrap())).collect()
}

/// As Frappe's own page comes: polling first, on several connections, and then a WebSocket.
#[tokio::test]
async fn a_page_begins_with_polling_and_changes_over() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let visit: Visit = realtime.visit(SITE).without("Origin").sid("sid-alice");
    let poller = visit.poll().await;
    assert_eq!(poller.open["upgrades"], json!(["websocket"]));
    assert_eq!(
        (&poller.open["pingInterval"], &poller.open["pingTimeout"], &poller.open["maxPayload"]),
        (&json!(25000), &json!(20000), &json!(1_000_000))
    );
    poller.say(&format!("40/{SITE},")).await;
    let welcome = polled(&poller, 1).await.remove(0);
    assert_eq!((welcome.kind, welcome.json["sid"].as_str().map(str::len)), ('0', Some(20)));
    bench.publish_to(SITE, "user:alice@example.com", "by polling", &json!("é😀"));
    let event = polled(&poller, 1).await.remove(0);
    assert_eq!((event.name(), event.args()), ("by polling", &[json!("é😀")][..]));
    let mut socket = Client::probing_at(realtime.port, &visit.dial, &poller.sid).await;
    socket.raw("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket.raw("5").await;
    socket.say(&format!(r#"2/{SITE},["ping"]"#)).await;
    assert_eq!(socket.event("pong").await.namespace, format!("/{SITE}"));
    bench.publish_to(SITE, "user:alice@example.com", "by the socket", &json!(1));
    socket.event("by the socket").await;
}

#[tokio::test]
async fn a_refusal_reaches_those_who_poll_too() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let poller = realtime.visit(SITE).poll().await;
    poller.say(&format!("40/{SITE},")).await;
    let refusal = polled(&poller, 1).await.remove(0);
    assert_eq!(refusal.kind, '4');
    assert!(refusal.json["message"].as_str().unwrap().starts_with("Missing cookie"), "{}", refusal.raw);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_as_frappe_tells_it() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    for (method, query, code, message) in [
        ("GET", "EIO=4&transport=smoke", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=nope", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("GET", "EIO=2&transport=polling", 5, "Unsupported protocol version"),
    ] {
        let answer = ask(realtime.port, method, &format!("/socket.io/?{query}"), &[], b"").await;
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({ "code": code, "message": message })),
            "{query}"
        );
    }
    assert_eq!(realtime.get("/elsewhere").await.status, 404);
    assert_eq!(realtime.get("/").await.status, 404);
}

#[tokio::test]
async fn protocol_3_is_not_spoken_where_all_sites_are_of_a_bench() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let answer = realtime.get(&Dial::v3().url("polling")).await;
    let message = json!({ "code": 5, "message": "Unsupported protocol version" });
    assert_eq!((answer.status, answer.json()), (400, message));
    let mut visit = realtime.visit(SITE).sid("sid-alice");
    visit.dial.eio = 3;
    let refused = upgrade_at(realtime.port, &visit.dial.url("websocket"), &visit.dial.headers).await;
    let Err(Error::Http(response)) = refused else { panic!("it was let in") };
    assert_eq!(response.status().as_u16(), 400);
}

#[tokio::test]
async fn pages_of_other_origins_may_read_the_answers() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let url = Dial::v4().url("polling");
    let headers = ["Origin: http://site1.localhost:8000", "Access-Control-Request-Headers: x-one,x-two"];
    for method in ["GET", "OPTIONS"] {
        let answer = ask(realtime.port, method, &url, &headers, b"").await;
        assert_eq!(answer.status, if method == "GET" { 200 } else { 204 });
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://site1.localhost:8000"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert!(answer.header("vary").is_some_and(|vary| vary.contains("Origin")), "{answer:?}");
        if method == "OPTIONS" {
            assert_eq!(answer.header("access-control-allow-headers"), Some("x-one,x-two"));
        }
    }
}

#[tokio::test]
async fn whether_it_lives_can_be_asked() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let answer = realtime.get("/health").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert!(answer.content_type().starts_with("text/plain"), "{}", answer.content_type());
}

//! Token alone: the entrance for apps, which have no cookies.

use serde_json::json;

use crate::support::client::Dial;
use crate::support::frappe::{Bench, OTHER, SITE, USER_INFO};
use crate::support::http::{Wire, ask};
use crate::support::process::free_port;

#[tokio::test]
async fn where_tokens_alone_are_taken_a_cookie_means_nothing() {
    let bench = Bench::new().await.config("frappe:\n  auth: token");
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE);
    for refused in [
        visit.clone(),
        visit.clone().sid("sid-alice"),
        visit.clone().authorization("token alice:secret"),
        visit.clone().authorization("Basic YWxpY2U6c2VjcmV0").sid("sid-alice"),
        visit.clone().authorization("Bearer "),
        visit.clone().authorization("Bearer"),
        visit.clone().payload(json!({ "token": "" })),
        visit.clone().payload(json!({ "token": { "a": 1 } })),
    ] {
        assert!(!refused.refused().await.is_empty());
    }
    assert_eq!(bench.web.calls().len(), 0);
    for good in [
        visit.clone().authorization("Bearer alice"),
        visit.clone().authorization("Bearer alice").sid("sid-bob"),
        visit.clone().payload(json!({ "token": "alice" })),
        visit.clone().payload(json!({ "token": "Bearer alice" })),
        visit.clone().authorization("Bearer bob").payload(json!({ "token": "alice" })),
    ] {
        let mut alice = good.join().await;
        let call = bench.web.calls().pop().unwrap();
        assert_eq!(call.header("authorization").as_deref(), Some("Bearer alice"));
        assert_eq!(call.header("cookie"), None);
        assert_eq!(call.header("x-frappe-site-name").as_deref(), Some(SITE));
        assert!(bench.is_in(&mut alice, "user:alice@example.com").await);
    }
    let text = visit.authorization("Bearer nobody").refused().await;
    assert!(text.starts_with("Unauthorized"), "{text}");
}

#[tokio::test]
async fn which_kinds_of_tokens_are_taken_can_be_set() {
    let bench =
        Bench::new().await.config("frappe:\n  auth: token\n  tokenSchemes:\n    - token\n    - Basic");
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE);
    for value in ["token alice:secret", "Basic YWxpY2U6c2VjcmV0"] {
        visit.clone().authorization(value).join().await;
        assert_eq!(bench.web.calls().pop().unwrap().header("authorization").as_deref(), Some(value));
    }
    assert!(!visit.authorization("Bearer alice").refused().await.is_empty());
    assert_eq!(bench.web.calls().len(), 2);
}

#[tokio::test]
async fn a_token_is_in_no_log() {
    let bench = Bench::new().await.config("frappe:\n  auth: token");
    let realtime = bench.start().await;
    realtime.visit(SITE).payload(json!({ "token": "alicestoken" })).join().await;
    realtime.visit(SITE).authorization("Bearer bobstoken").join().await;
    realtime.visit(SITE).authorization("Basic Ym9iOnNlY3JldA==").refused().await;
    let log = realtime.log();
    for secret in ["alicestoken", "bobstoken", "Ym9iOnNlY3JldA"] {
        assert!(log.lines().all(|line| !line.contains(secret) || line.contains("@example.com")), "{log}");
    }
}

#[tokio::test]
async fn a_bench_with_a_token_port_has_two_entrances() {
    let port = free_port();
    let bench = Bench::new().await.common("socketio_token_port", json!(port));
    let realtime = bench.start().await;
    // The usual entrance is what it was.
    realtime.user(SITE, "alice").await;
    let visit = realtime.visit(SITE).by(port);
    assert!(!visit.clone().sid("sid-alice").refused().await.is_empty());
    // A proxy that takes its prefix off leaves a bare slash.
    for path in ["/socket.io/", "/socket.io", "/socket-token/", "/socket-token", "/"] {
        let visit = visit.clone().authorization("Bearer alice").path(path);
        let mut alice = visit.join().await;
        assert!(bench.is_in(&mut alice, "user:alice@example.com").await, "{path}");
        let poller = visit.poll().await;
        poller.say(&format!("40/{SITE},")).await;
        assert!(poller.packets(1).await[0].starts_with(&format!("40/{SITE},{{")), "{path}");
        assert!(!visit.without("Authorization").sid("sid-alice").refused().await.is_empty(), "{path}");
    }
    let slash = Dial { path: "/".to_owned(), ..Dial::v4() }.url("polling");
    assert_eq!(realtime.get(&slash).await.status, 404);
}

#[tokio::test]
async fn the_paths_for_tokens_are_on_the_usual_port_too() {
    let bench = Bench::new().await.common("socketio_token_path", json!("/mobile/io"));
    let realtime = bench.start().await;
    for path in ["/mobile/io/", "/mobile/io", "/socket-token/"] {
        let visit = realtime.visit(SITE).path(path);
        visit.clone().authorization("Bearer alice").join().await;
        assert!(!visit.sid("sid-alice").refused().await.is_empty(), "{path}");
    }
    realtime.user(SITE, "alice").await;
}

#[tokio::test]
async fn without_settings_there_is_no_entrance_for_tokens() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let token = Dial { path: "/socket-token/".to_owned(), ..Dial::v4() }.url("polling");
    assert_eq!(ask(realtime.port, "GET", &token, &[], b"").await.status, 404);
}

#[tokio::test]
async fn a_session_of_polling_stays_within_its_entrance() {
    let port = free_port();
    let bench = Bench::new().await.common("socketio_token_port", json!(port));
    let realtime = bench.start().await;
    assert!(Wire::try_open(port).await.is_some());
    // Opened where tokens alone are taken, it is of that kind whichever way its packets come.
    let mut poller = realtime.visit(SITE).by(port).sid("sid-alice").poll().await;
    poller.say(&format!("40/{SITE},")).await;
    let packet = poller.packets(1).await.remove(0);
    assert!(packet.starts_with(&format!("44/{SITE},")), "{packet}");
    poller.headers.retain(|line| !line.starts_with("Cookie"));
    poller.say(&format!("40/{SITE},{}", json!({ "token": "alice" }))).await;
    let packet = poller.packets(1).await.remove(0);
    assert!(packet.starts_with(&format!("40/{SITE},")), "{packet}");
    assert_eq!(bench.web.calls_of(USER_INFO).len(), 1);
}

#[tokio::test]
async fn the_site_of_a_token_may_be_named_by_a_header() {
    let bench = Bench::new().await.config("frappe:\n  auth: token");
    let realtime = bench.start().await;
    let visit = realtime.visit(SITE).without("Origin").header("X-Frappe-Site-Name", OTHER).namespace(OTHER);
    visit.authorization("Bearer alice").join().await;
    assert_eq!(bench.web.calls().pop().unwrap().header("x-frappe-site-name").as_deref(), Some(OTHER));
}

//! Who is let in, what the web server is asked about it, and which rooms one is in then.

use serde_json::json;

use crate::support::frappe::{Bench, OTHER, SITE, USER_INFO};
use crate::support::site_server::Reply;

#[tokio::test]
async fn a_session_of_a_browser_is_let_in_and_the_web_server_is_asked_once() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let alice = realtime.user(SITE, "alice").await;
    assert_eq!(alice.sid.len(), 20, "{}", alice.sid);
    let calls = bench.web.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = &calls[0];
    assert_eq!(
        (call.seen.method.as_str(), call.method.as_str(), call.query.as_str()),
        ("GET", USER_INFO, "")
    );
    assert_eq!(call.header("cookie").as_deref(), Some("sid=sid-alice"));
    assert_eq!(call.header("authorization"), None);
    assert_eq!(call.header("x-frappe-socket-secret").as_deref(), Some("first-secret-of-the-bench-012345"));
    assert_eq!(call.header("x-frappe-site-name").as_deref(), Some(SITE));
}

#[tokio::test]
async fn an_authorization_header_is_handed_on_as_it_is_and_wins_over_a_cookie() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    for value in ["token alice:secret", "Bearer alice", "Basic YWxpY2U6c2VjcmV0"] {
        for cookie in [false, true] {
            let before = bench.web.calls().len();
            let visit = realtime.visit(SITE).authorization(value);
            let visit = if cookie { visit.sid("Guest") } else { visit };
            let mut alice = visit.join().await;
            let calls = bench.web.calls().split_off(before);
            assert_eq!(calls.len(), 1, "{value}: {calls:?}");
            assert_eq!(calls[0].header("authorization").as_deref(), Some(value));
            assert_eq!(calls[0].header("cookie"), None, "{value}");
            assert!(bench.is_in(&mut alice, "user:alice@example.com").await, "{value}");
        }
    }
}

#[tokio::test]
async fn of_the_cookies_only_the_first_sid_is_handed_on() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    for cookies in [
        "system_user=yes; sid=sid-alice; full_name=Alice%20A",
        "sid=sid-alice; sid=sid-bob",
        "sid=sid%2Dalice",
        "a=b;sid=\"sid-alice\";c",
    ] {
        let mut alice = realtime.visit(SITE).header("Cookie", cookies).join().await;
        let call = bench.web.calls().pop().unwrap();
        assert_eq!(call.header("cookie").as_deref(), Some("sid=sid-alice"), "{cookies}");
        assert!(bench.is_in(&mut alice, "user:alice@example.com").await, "{cookies}");
    }
}

#[tokio::test]
async fn without_a_credential_nobody_is_asked() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let text = realtime.visit(SITE).refused().await;
    assert!(text.starts_with("Missing cookie and authorization header"), "{text}");
    for cookies in ["sid=", "full_name=Alice", "sid"] {
        let text = realtime.visit(SITE).header("Cookie", cookies).refused().await;
        assert_eq!(text, "No authentication method used. Use cookie or authorization header.", "{cookies}");
    }
    // Frappe's own server takes nothing from there either.
    realtime.visit(SITE).payload(json!({ "sid": "sid-alice", "token": "alice" })).refused().await;
    assert_eq!(bench.web.calls().len(), 0);
}

#[tokio::test]
async fn an_authorization_that_the_site_does_not_know_is_turned_away() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    for value in ["Bearer nobody", "token alice:wrong", "Nonsense"] {
        let text = realtime.visit(SITE).authorization(value).sid("sid-alice").refused().await;
        assert!(text.starts_with("Unauthorized"), "{value}: {text}");
    }
    for line in realtime.log().lines() {
        assert!(!line.contains("alice:wrong") && !line.contains("sid-alice"), "{line}");
    }
}

#[tokio::test]
async fn what_is_no_answer_about_a_user_lets_nobody_in() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let html =
        |status| Reply::Answer(status, "content-type: text/html\r\n".to_owned(), b"<p>hi</p>".to_vec());
    let visit = realtime.visit(SITE).sid("sid-alice");
    for reply in [
        Reply::json(401, r#"{"exc_type":"AuthenticationError"}"#),
        Reply::json(200, r#"{"exc_type":"none"}"#),
        Reply::json(200, r#"{"message":null}"#),
        Reply::json(200, r#"{"message":{"user":null,"installed_apps":["frappe"]}}"#),
        Reply::json(200, r#"{"message":{"user":"","installed_apps":["frappe"]}}"#),
        Reply::json(200, "[]"),
        Reply::json(200, r#"{"message":"#),
        html(200),
        html(502),
        Reply::Close,
    ] {
        bench.web.arrange(USER_INFO, reply);
        let text = visit.refused().await;
        assert!(text.starts_with("Unauthorized"), "{text}");
    }
    bench.web.as_usual(USER_INFO);
    visit.join().await;
}

#[tokio::test]
async fn an_empty_answer_is_asked_for_once_more_and_then_lets_nobody_in() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    bench.web.arrange(USER_INFO, Reply::json(200, r#"{"message":{}}"#));
    let text = realtime.visit(SITE).sid("sid-alice").refused().await;
    assert!(text.starts_with("Unauthorized"), "{text}");
    assert_eq!(bench.web.calls().len(), 2);
}

#[tokio::test]
async fn the_first_of_all_calls_may_make_the_secret() {
    let bench = Bench::new().await;
    bench.redis.cli(&["DEL", "socketio_auth_secret"]);
    bench.web.rules(|rules| rules.redis = Some(bench.redis.socket()));
    let realtime = bench.start().await;
    realtime.user(SITE, "alice").await;
    let secrets: Vec<_> =
        bench.web.calls().iter().map(|call| call.header("x-frappe-socket-secret")).collect();
    assert_eq!(secrets, [None, Some("first-secret-of-the-bench-012345".to_owned())]);
}

#[tokio::test]
async fn an_answer_without_apps_is_asked_for_once_more_and_is_good_enough_then() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let answer = r#"{"message":{"user":"alice@example.com","user_type":"System User"}}"#;
    bench.web.arrange(USER_INFO, Reply::json(200, answer));
    let mut alice = realtime.user(SITE, "alice").await;
    assert_eq!(bench.web.calls().len(), 2);
    alice.pinged().await;
    assert!(bench.is_in(&mut alice, "all").await);
}

#[tokio::test]
async fn an_unknown_session_is_a_guest() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut guest = realtime.visit(SITE).sid("expired-long-ago").join().await;
    assert!(bench.is_in(&mut guest, "user:Guest").await);
    assert!(!bench.is_in(&mut guest, "all").await);
    assert!(!bench.is_in(&mut guest, "user:alice@example.com").await);
}

#[tokio::test]
async fn only_system_users_are_in_the_room_of_all_desks() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let mut customer = realtime.user(SITE, "webcustomer").await;
    // That both are in `website` is what `is_in` goes by.
    assert!(bench.is_in(&mut alice, "all").await);
    assert!(!bench.is_in(&mut customer, "all").await);
    assert!(bench.is_in(&mut customer, "user:webcustomer@example.com").await);
    let own = alice.sid.clone();
    assert!(bench.is_in(&mut alice, &own).await);
    assert!(!bench.is_in(&mut customer, &own).await);
    // A kind that is not told is not that of a desk.
    let answer = r#"{"message":{"user":"x@example.com","user_type":null,"installed_apps":["frappe"]}}"#;
    bench.web.arrange(USER_INFO, Reply::json(200, answer));
    let mut unknown = realtime.user(SITE, "x").await;
    assert!(!bench.is_in(&mut unknown, "all").await);
}

#[tokio::test]
async fn sites_of_one_bench_do_not_mix() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let (mut here, mut there) = (realtime.user(SITE, "alice").await, realtime.user(OTHER, "alice").await);
    let names: Vec<_> = bench.web.calls().iter().map(|call| call.header("x-frappe-site-name")).collect();
    assert_eq!(names, [Some(SITE.to_owned()), Some(OTHER.to_owned())]);
    bench.publish_to(OTHER, "user:alice@example.com", "only there", &json!(1));
    bench.publish_to(SITE, "user:alice@example.com", "only here", &json!(2));
    assert_eq!(here.message("only here").await, json!(2));
    assert_eq!(there.message("only there").await, json!(1));
}

//! Events of apps that have no rule: a method of the site says what they mean.

use serde_json::{Value, json};

use crate::support::frappe::{Bench, Realtime, SITE, Visitor};
use crate::support::site_server::Reply;

const HOOK: &str = "myapp.realtime.on_event";

async fn bench(settings: &str) -> Bench {
    let rule = "known: { relay: { event: answer, to: self } }";
    let lines = format!("frappe:\n  appEvents: {{ {rule} }}\n  eventHook: {{ method: {HOOK}, {settings} }}");
    Bench::new().await.config(&lines)
}

fn orders(bench: &Bench, message: &Value) {
    bench.web.arrange(HOOK, Reply::json(200, &json!({ "message": message }).to_string()));
}

async fn token(realtime: &Realtime, name: &str) -> Visitor {
    realtime.visit(SITE).authorization(&format!("Bearer {name}")).join().await
}

#[tokio::test]
async fn the_site_says_what_an_event_means() {
    let bench = bench("events: all").await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    orders(&bench, &json!({ "join": "board:1" }));
    for visitor in [&mut alice, &mut bob] {
        visitor.says(json!(["board_join", 1])).await;
        bench.enters(visitor, "board:1").await;
    }
    orders(
        &bench,
        &json!({ "emit": [
            { "room": "board:1", "event": "stroke", "args": [1, { "x": 2 }], "others": true },
            { "user": "alice@example.com", "event": "saved" },
            { "self": true, "event": "done", "args": "ok" },
        ] }),
    );
    alice.says(json!(["board_stroke", 1])).await;
    assert_eq!(bob.event("stroke").await.args(), [json!(1), json!({ "x": 2 })]);
    // What is for one client alone takes a shorter way.
    let mut names = [alice.packet().await.name().to_owned(), alice.packet().await.name().to_owned()];
    names.sort();
    assert_eq!(names, ["done", "saved"]);
    orders(&bench, &json!({ "leave": ["board:1"] }));
    alice.says(json!(["board_leave", 1])).await;
    bench.exits(&mut alice, "board:1").await;
    assert!(bench.is_in(&mut bob, "board:1").await);
}

#[tokio::test]
async fn a_client_with_a_cookie_is_asked_for_with_get_and_one_with_a_token_with_post() {
    let bench = bench("events: all").await;
    let realtime = bench.start().await;
    orders(&bench, &json!(null));
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["paint", "é", { "n": 1 }])).await;
    let call = bench.web.wait_for(HOOK, 1).await.remove(0);
    assert_eq!((call.seen.method.as_str(), call.header("cookie").as_deref()), ("GET", Some("sid=sid-alice")));
    let fields = ["event", "args", "user", "socket_id", "site"].map(|name| call.param(name));
    assert_eq!(fields, ["paint", r#"["é",{"n":1}]"#, "alice@example.com", &alice.sid, SITE]);
    assert_eq!(call.param("sid"), "", "Frappe takes it for the session, whatever the cookie says");
    let mut bob = token(&realtime, "bob").await;
    bob.says(json!(["paint", "x".repeat(10_000)])).await;
    let call = bench.web.wait_for(HOOK, 2).await.remove(1);
    assert_eq!(
        (call.seen.method.as_str(), call.header("authorization").as_deref()),
        ("POST", Some("Bearer bob"))
    );
    let body: Value = serde_json::from_slice(&call.seen.body).unwrap();
    let args = json!(["x".repeat(10_000)]).to_string();
    let expected = json!({ "event": "paint", "args": args, "user": "bob@example.com", "socket_id": bob.sid, "site": SITE });
    assert_eq!(body, expected);
    // So much fits into no address; what comes behind it does.
    alice.says(json!(["paint", "x".repeat(10_000)])).await;
    alice.says(json!(["paint", 2])).await;
    let call = bench.web.wait_for(HOOK, 3).await.remove(2);
    assert_eq!(call.param("args"), "[2]");
}

#[tokio::test]
async fn on_nobodys_behalf_the_secret_says_who_asks() {
    let bench = bench("events: all, credentials: none").await;
    let realtime = bench.start().await;
    orders(&bench, &json!({ "emit": [{ "self": true, "event": "done" }] }));
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["paint"])).await;
    alice.event("done").await;
    let call = bench.web.calls_of(HOOK).remove(0);
    assert_eq!(
        (call.seen.method.as_str(), call.header("cookie"), call.header("authorization")),
        ("POST", None, None)
    );
    assert_eq!(call.header("x-frappe-socket-secret").as_deref(), Some("first-secret-of-the-bench-012345"));
}

#[tokio::test]
async fn without_a_secret_nobody_asks_on_nobodys_behalf() {
    let bench = bench("events: all, credentials: none").await.version(15);
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["paint"])).await;
    realtime.log_line("has no secret").await;
    alice.pinged().await;
    assert!(bench.web.calls_of(HOOK).is_empty());
}

#[tokio::test]
async fn only_events_that_are_named_and_have_no_rule_are_handed_on() {
    let bench = bench("events: [paint]").await;
    let realtime = bench.start().await;
    orders(&bench, &json!({ "emit": [{ "self": true, "event": "done" }] }));
    let (mut alice, mut guest) = (realtime.user(SITE, "alice").await, realtime.guest(SITE).await);
    guest.says(json!(["paint"])).await;
    guest.pinged().await;
    for event in ["unheard", "known"] {
        alice.says(json!([event])).await;
    }
    assert!(alice.event("answer").await.args().is_empty());
    alice.says(json!(["paint"])).await;
    alice.event("done").await;
    let calls = bench.web.calls_of(HOOK);
    assert_eq!((calls.len(), calls[0].param("user").as_str()), (1, "alice@example.com"));
}

#[tokio::test]
async fn events_keep_their_order_and_a_flood_costs_nobody_else_anything() {
    let bench = bench("events: all").await;
    let realtime = bench.start().await;
    let gate = bench.web.hold(HOOK);
    orders(&bench, &json!(null));
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    for number in 0..1_000 {
        alice.says(json!(["flood", number])).await;
    }
    alice.pinged().await;
    bench.web.wait_for(HOOK, 1).await;
    // All places of the site but one are free.
    bob.says(json!(["doc_subscribe", "ToDo", "T1"])).await;
    bench.enters(&mut bob, "doc:ToDo/T1").await;
    assert_eq!(bench.web.calls_of(HOOK).len(), 1);
    gate.add_permits(1_000);
    let calls = bench.web.wait_for(HOOK, 33).await;
    let said: Vec<String> = calls.iter().map(|call| call.param("args")).collect();
    assert_eq!(said, (0..33).map(|number| format!("[{number}]")).collect::<Vec<_>>());
    alice.says(json!(["flood", "the end"])).await;
    let calls = bench.web.wait_for(HOOK, 34).await;
    assert_eq!(calls[33].param("args"), r#"["the end"]"#);
    realtime.log_line("wait for `eventHook`").await;
}

#[tokio::test]
async fn what_is_too_long_takes_no_place_in_the_line() {
    let bench = bench("events: all").await;
    let realtime = bench.start().await;
    let gate = bench.web.hold(HOOK);
    orders(&bench, &json!(null));
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["paint", 1])).await;
    for _ in 0..40 {
        alice.says(json!(["paint", "x".repeat(10_000)])).await;
    }
    alice.says(json!(["paint", 2])).await;
    alice.pinged().await;
    gate.add_permits(2);
    let calls = bench.web.wait_for(HOOK, 2).await;
    assert_eq!((calls[0].param("args").as_str(), calls[1].param("args").as_str()), ("[1]", "[2]"));
}

#[tokio::test]
async fn whom_the_site_lets_look_at_a_document_is_a_viewer_of_it() {
    let bench = bench("events: all").await;
    let realtime = bench.start().await;
    let (mut alice, mut bob) = (realtime.user(SITE, "alice").await, realtime.user(SITE, "bob").await);
    alice.says(json!(["doc_open", "ToDo", "1"])).await;
    bench.enters(&mut alice, "open_doc:ToDo/1").await;
    orders(&bench, &json!({ "join": "open_doc:ToDo/1" }));
    bob.says(json!(["look", 1])).await;
    assert_eq!(alice.viewers("ToDo", "1").await, ["alice", "bob"]);
    bob.leaves().await;
    assert_eq!(alice.viewers("ToDo", "1").await, ["alice"]);
}

#[tokio::test]
async fn a_hook_that_fails_or_talks_nonsense_changes_nothing() {
    let bench = bench("events: all").await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for (count, reply) in [
        Reply::json(417, r#"{"exc_type":"ValidationError"}"#),
        Reply::json(200, "<html>"),
        Reply::json(200, r#"{"message":{"join":"board:1","emit":[{"event":"x"}]}}"#),
        Reply::Close,
    ]
    .into_iter()
    .enumerate()
    {
        bench.web.arrange(HOOK, reply);
        alice.says(json!(["paint"])).await;
        bench.web.wait_for(HOOK, count + 1).await;
    }
    orders(&bench, &json!({ "join": "board:2" }));
    alice.says(json!(["paint"])).await;
    bench.enters(&mut alice, "board:2").await;
    assert!(!bench.is_in(&mut alice, "board:1").await);
    realtime.log_line("`eventHook` brought nothing").await;
}

#[tokio::test]
async fn without_a_hook_unknown_events_mean_nothing() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for _ in 0..500 {
        alice.says(json!(["whatever", { "join": "user:Administrator" }])).await;
    }
    alice.pinged().await;
    assert!(bench.is_in(&mut alice, "website").await);
    assert!(!bench.is_in(&mut alice, "user:Administrator").await);
}

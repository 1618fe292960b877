//! The channel `events` of the bench's Redis: whom a message reaches, and how it looks there.

use serde_json::json;

use crate::support::frappe::{Bench, OTHER, SITE};

#[tokio::test]
async fn what_is_for_a_user_reaches_all_of_its_connections_on_that_site_alone() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let (mut first, mut second) = (realtime.user(SITE, "bob").await, realtime.user(SITE, "bob").await);
    let mut elsewhere = realtime.user(OTHER, "bob").await;
    let mut alice = realtime.user(SITE, "alice").await;
    bench.publish_to(SITE, "user:bob@example.com", "msgprint", &json!({ "message": "hello" }));
    for bob in [&mut first, &mut second] {
        assert_eq!(bob.message("msgprint").await, json!({ "message": "hello" }));
    }
    bench.publish_to(OTHER, "user:bob@example.com", "progress", &json!(1));
    assert_eq!(elsewhere.message("progress").await, json!(1));
    for visitor in [&mut first, &mut second, &mut elsewhere, &mut alice] {
        // Nothing else came before that.
        assert!(bench.is_in(visitor, "all").await);
    }
}

#[tokio::test]
async fn what_is_for_no_room_reaches_every_site() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut here = realtime.user(SITE, "alice").await;
    let mut guest = realtime.guest(OTHER).await;
    let build = json!({ "success": true, "changed_files": ["a.js"], "live_reload": false });
    for event in [
        json!({ "event": "build_event", "message": build }),
        json!({ "event": "build_event", "message": build, "room": "" }),
        json!({ "event": "build_event", "message": build, "room": null, "namespace": SITE }),
    ] {
        bench.publish(&event);
        assert_eq!(here.message("build_event").await, build);
        assert_eq!(guest.message("build_event").await, build);
    }
}

#[tokio::test]
async fn rooms_and_sites_that_nobody_is_in_are_nobodys() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for (site, room) in [
        (SITE, "user:alice"),
        (SITE, "all "),
        (SITE, "*"),
        (SITE, "site1.localhost:all"),
        ("", "all"),
        ("/site1.localhost", "all"),
        ("site1.localhost,", "all"),
        ("nowhere", "all"),
    ] {
        bench.publish_to(site, room, "lost", &json!(1));
    }
    bench.publish(&json!({ "event": "lost", "message": 1, "room": "all" }));
    assert!(bench.is_in(&mut alice, "all").await);
}

#[tokio::test]
async fn a_message_is_handed_on_to_the_letter() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    for (message, arrives) in [
        (r#","message":null"#, "null"),
        ("", "null"),
        (r#","message":[1,2]"#, "[1,2]"),
        (r#","message":[]"#, "[]"),
        (r#","message":"s""#, r#""s""#),
        (r#","message":true"#, "true"),
        (r#","message":12345678901234567890"#, "12345678901234567890"),
        (r#","message":{"n":98765432109876543210.50,"e":1E30}"#, r#"{"n":98765432109876543210.50,"e":1E30}"#),
        (r#","message":{"b":1,"a":2,"b":3}"#, r#"{"b":1,"a":2,"b":3}"#),
        (r#","message":"\ud83d\ude00 \u00e9 \u2028 </script>""#, r#""\ud83d\ude00 \u00e9 \u2028 </script>""#),
        (r#","message":{"html":"<b>é😀</b>"}"#, r#"{"html":"<b>é😀</b>"}"#),
    ] {
        bench.publish_text(&format!(r#"{{"event":"ev"{message},"namespace":"{SITE}","room":"all"}}"#));
        let packet = alice.client.packet().await;
        assert_eq!(packet.raw, format!(r#"2/{SITE},["ev",{arrives}]"#));
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_skipped_and_the_rest_is_delivered() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let broken = [
        "not json",
        "",
        "null",
        "[]",
        "5",
        r#""text""#,
        "{}",
        r#"{"message":1}"#,
        r#"{"event":null,"message":1}"#,
        r#"{"event":7,"message":1}"#,
        r#"{"event":"","message":1,"room":5}"#,
        r#"{"event":"ev","message":1,"room":{"a":1},"namespace":"site1.localhost"}"#,
        r#"{"event":"ev","message":1,"room":"all","namespace":7}"#,
        r#"{"event":"ev","message":{"#,
        r#"{"event":"ev","message":1,"room":"all","namespace":"site1.localhost"} and more"#,
    ];
    let reserved =
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
    let reserved = reserved.map(|name| format!(r#"{{"event":"{name}","message":1}}"#));
    for text in broken.into_iter().chain(reserved.iter().map(String::as_str)) {
        bench.publish_text(text);
    }
    // Bytes that are no text at all.
    let bytes = "return redis.call('PUBLISH', 'events', string.char(255, 254, 0, 123))";
    assert_eq!(bench.redis.cli(&["EVAL", bytes, "0"]), "1");
    bench.publish_to(SITE, "all", "next", &json!(1));
    assert_eq!(alice.message("next").await, json!(1));
    realtime.log_line("a message on the channel `events` was skipped").await;
}

#[tokio::test]
async fn messages_as_python_writes_them_are_understood() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    bench.publish_text(
        "{\n \"event\": \"list_update\",\n \"message\": {\n  \"doctype\": \"ToDo\",\n  \"name\": \"T-1\",\n  \
         \"title\": \"caf\\u00e9\"\n },\n \"namespace\": \"site1.localhost\",\n \"room\": \"all\"\n}",
    );
    let message = alice.message("list_update").await;
    assert_eq!(message, json!({ "doctype": "ToDo", "name": "T-1", "title": "café" }));
}

#[tokio::test]
async fn a_room_that_begins_with_its_site_is_understood_where_no_namespace_is_named() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let (mut here, mut there) = (realtime.user(SITE, "alice").await, realtime.user(OTHER, "alice").await);
    for (room, number) in [("site1.localhost:all", 1), ("site1.localhost:user:alice@example.com", 2)] {
        bench.publish(&json!({ "event": "old", "message": number, "room": room }));
        assert_eq!(here.message("old").await, json!(number), "{room}");
    }
    bench.publish(&json!({ "event": "old", "message": 3, "room": "site3.localhost:all" }));
    bench.publish(&json!({ "event": "old", "message": 4, "room": "user:alice@example.com" }));
    assert!(bench.is_in(&mut here, "all").await);
    assert!(bench.is_in(&mut there, "all").await);
}

#[tokio::test]
async fn messages_keep_their_order() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let script = "for n = 1, 500 do redis.call('PUBLISH', 'events', '{\"event\":\"n\",\"message\":' .. n .. \
        ',\"room\":\"' .. (n % 2 == 0 and 'all' or 'user:alice@example.com') .. \
        '\",\"namespace\":\"site1.localhost\"}') end";
    bench.redis.cli(&["EVAL", script, "0"]);
    for number in 1..=500 {
        assert_eq!(alice.message("n").await, json!(number));
    }
}

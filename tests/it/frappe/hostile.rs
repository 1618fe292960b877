//! Nothing that a guest says stops the process, or reaches where it should not.

use std::time::Duration;

use serde_json::json;

use crate::support::frappe::{Bench, HAS_PERMISSION, OTHER, Realtime, SITE, USER_INFO, Visitor};

/// How long being let in may take while others ask without end; less than the patience with a web server.
const DURING: Duration = Duration::from_secs(5);

/// Somebody else goes on as before.
async fn calm(bench: &Bench, bystander: &mut Visitor) {
    bystander.pinged().await;
    assert!(bench.is_in(bystander, "all").await);
}

async fn scene() -> (Bench, Realtime, Visitor) {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let bystander = realtime.user(SITE, "alice").await;
    (bench, realtime, bystander)
}

#[tokio::test]
async fn events_of_the_protocol_itself_end_the_connection_of_who_sends_them() {
    let (bench, realtime, mut bystander) = scene().await;
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        let mut guest = realtime.guest(SITE).await;
        guest.says(json!([name, "x"])).await;
        guest.ended().await;
    }
    calm(&bench, &mut bystander).await;
}

#[tokio::test]
async fn payloads_that_are_no_events_end_the_connection_of_who_sends_them() {
    let (bench, realtime, mut bystander) = scene().await;
    for payload in ["{}", "\"x\"", "[", "[]", "[null]", "[{\"a\":1}]", "5[\"ping\"", "", "[\"ping\"]]"] {
        let mut guest = realtime.guest(SITE).await;
        guest.client.say(&format!("2/{SITE},{payload}")).await;
        guest.ended().await;
    }
    calm(&bench, &mut bystander).await;
}

#[tokio::test]
async fn bytes_are_taken_and_mean_nothing() {
    let (bench, realtime, mut bystander) = scene().await;
    let mut guest = realtime.guest(SITE).await;
    for name in ["file", "doc_open", "task_subscribe"] {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        guest.client.say(&format!(r#"51-/{SITE},["{name}",{placeholder},{placeholder}]"#)).await;
        guest.client.raw_binary(b"task").await;
    }
    guest.pinged().await;
    assert!(bench.is_in(&mut guest, "user:Guest").await);
    calm(&bench, &mut bystander).await;
}

#[tokio::test]
async fn arguments_of_every_kind_are_harmless() {
    let (bench, realtime, mut bystander) = scene().await;
    let mut guest = realtime.guest(SITE).await;
    let deep = (0..100).fold(json!(1), |inside, _| json!([inside]));
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5e300),
        json!([]),
        json!({ "__proto__": { "a": 1 } }),
        json!({ "_placeholder": true, "num": 0 }),
        deep,
        json!("\u{0}\r\nX-Evil: 1"),
        json!("../../etc/passwd"),
        json!("x".repeat(100_000)),
    ];
    let names = [
        "ping",
        "doctype_subscribe",
        "doctype_unsubscribe",
        "doc_subscribe",
        "doc_unsubscribe",
        "doc_open",
        "doc_close",
        "task_subscribe",
        "task_unsubscribe",
        "progress_subscribe",
        "open_in_editor",
        "doc_typing",
        "__proto__",
        "",
    ];
    for name in names {
        for value in &odd {
            guest.says(json!([name, value, value, value])).await;
        }
    }
    // Each ping of those is answered.
    for _ in &odd {
        guest.event("pong").await;
    }
    guest.says(json!(["task_subscribe", "behind all that"])).await;
    bench.enters(&mut guest, "task_progress:behind all that").await;
    assert!(bench.web.calls().iter().all(|call| call.header("x-evil").is_none()));
    // What is too long for a room is not asked about either.
    assert!(bench.web.calls().iter().all(|call| call.query.len() < 10_000));
    calm(&bench, &mut bystander).await;
}

#[tokio::test]
async fn ten_thousand_subscriptions_of_one_guest_do_not_hurt_the_others() {
    let (bench, realtime, mut bystander) = scene().await;
    let mut guest = realtime.guest(SITE).await;
    for number in 0..10_000 {
        guest.says(json!(["task_subscribe", format!("{number}-{}", "x".repeat(100))])).await;
    }
    // Whether the guest may go on or is shown out is the gateway's affair: it has read all that, or nothing more.
    guest.says(json!(["ping"])).await;
    guest.client.text_or_end().await;
    calm(&bench, &mut bystander).await;
    let mut another = realtime.guest(SITE).await;
    another.says(json!(["task_subscribe", "t"])).await;
    bench.enters(&mut another, "task_progress:t").await;
}

#[tokio::test]
async fn guests_who_flood_the_web_server_with_questions_do_not_hold_up_the_others() {
    let (bench, realtime, mut bystander) = scene().await;
    let gate = bench.web.hold(HAS_PERMISSION);
    let mut guests = [realtime.guest(SITE).await, realtime.guest(SITE).await];
    for guest in &mut guests {
        for number in 0..1_000 {
            guest.says(json!(["doc_subscribe", "ToDo", number])).await;
        }
        // All of that has been read, and asked as far as it is going to be.
        guest.pinged().await;
    }
    bench.web.wait_for(HAS_PERMISSION, 2).await;
    bystander.pinged().await;
    // Somebody new is let in meanwhile, and not only when those questions have timed out.
    let bob = tokio::time::timeout(DURING, realtime.user(SITE, "bob")).await;
    assert!(bob.is_ok(), "nobody is let in while guests ask");
    gate.add_permits(5_000);
    drop(guests);
    bystander.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut bystander, "doctype:ToDo").await;
}

#[tokio::test]
async fn no_header_can_be_smuggled_in_by_a_cookie() {
    let (bench, realtime, mut bystander) = scene().await;
    for sid in ["x%0d%0aX-Evil:%201", "x%0aX-Evil:1", "x%00y", "x;%20X-Evil=1", "%ff%fe", "%"] {
        let mut client = realtime.visit(SITE).sid(sid).knock().await.client;
        let answer = client.packet().await;
        assert!(matches!(answer.kind, '0' | '4'), "{sid}: {}", answer.raw);
    }
    for call in bench.web.calls() {
        assert_eq!(call.header("x-evil"), None);
        assert!(call.header("cookie").is_some_and(|cookie| !cookie.contains("X-Evil=1")), "{call:?}");
    }
    calm(&bench, &mut bystander).await;
}

#[tokio::test]
async fn names_of_sites_that_are_paths_lead_nowhere() {
    let (bench, realtime, mut bystander) = scene().await;
    for name in ["..", "../sites", ".", "assets", "apps", "site1.localhost/../site2.localhost", "%2e%2e", ""]
    {
        let visit = realtime.visit(SITE).sid("sid-alice").header("X-Frappe-Site-Name", name);
        let namespace = if name.is_empty() { OTHER } else { name };
        let visit = visit.namespace(namespace);
        assert_eq!(visit.refused().await, "Invalid namespace", "{name}");
    }
    let before = bench.web.calls().len();
    assert_eq!(before, 1);
    calm(&bench, &mut bystander).await;
}

#[tokio::test]
async fn an_app_cannot_pretend_to_be_in_another_site_by_the_names_of_rooms() {
    let (bench, realtime, mut bystander) = scene().await;
    let mut guest = realtime.guest(OTHER).await;
    // These make rooms that only look like those of others.
    for task in ["../user:alice@example.com", "x\u{0}user:alice@example.com", "t/site1.localhost", "t"] {
        guest.says(json!(["task_subscribe", task])).await;
    }
    guest.pinged().await;
    bench.publish_to(SITE, "user:alice@example.com", "private", &json!(1));
    bench.publish_to(SITE, "task_progress:t", "private", &json!(1));
    bystander.event("private").await;
    assert!(bench.is_in(&mut guest, "task_progress:t").await);
}

#[tokio::test]
async fn guests_do_not_have_viewers_told_the_same_over_and_over() {
    let (bench, realtime, mut bystander) = scene().await;
    bystander.says(json!(["doc_open", "ToDo", "T1"])).await;
    bench.enters(&mut bystander, "open_doc:ToDo/T1").await;
    let begin = std::time::Instant::now();
    for _ in 0..20 {
        let mut guest = realtime.guest(SITE).await;
        guest.says(json!(["doc_close", "ToDo", "T1"])).await;
        guest.pinged().await;
    }
    bench.publish_to(SITE, "all", "the end", &json!(1));
    let mut told = 0;
    while bystander.packet().await.name() == "doc_viewers" {
        told += 1;
    }
    assert!((1..=2 + begin.elapsed().as_secs()).contains(&told), "{told}");
}

#[tokio::test]
async fn a_client_cannot_have_the_web_server_asked_without_end_and_not_wait_for_it() {
    let (bench, realtime, mut bystander) = scene().await;
    let gate = bench.web.hold(USER_INFO);
    let mut guest = realtime.visit(SITE).sid("Guest").open().await;
    for _ in 0..150 {
        guest.client.connect(SITE, None).await;
        guest.client.leave(SITE).await;
    }
    guest.ended().await;
    gate.add_permits(1_000);
    assert!(bench.web.calls().len() <= 102);
    calm(&bench, &mut bystander).await;
}

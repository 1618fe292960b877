//! The web server is away, or takes its time.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::frappe::{Bench, HAS_PERMISSION, SITE, USER_INFO};
use crate::support::site_server::Reply;

#[tokio::test]
async fn while_the_web_server_is_away_nobody_is_let_in_and_afterwards_everybody() {
    let mut bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut before = realtime.user(SITE, "bob").await;
    bench.web.down().await;
    let visit = realtime.visit(SITE).sid("sid-alice");
    for _ in 0..3 {
        let text = visit.refused().await;
        assert!(text.starts_with("Unauthorized"), "{text}");
    }
    // Whoever is there stays, and hears; only for what needs a permission there is nobody to ask.
    before.says(json!(["doctype_subscribe", "ToDo"])).await;
    before.pinged().await;
    assert!(!bench.is_in(&mut before, "doctype:ToDo").await);
    bench.web.up().await;
    visit.join().await;
    before.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut before, "doctype:ToDo").await;
}

#[tokio::test]
async fn a_web_server_that_does_not_answer_is_waited_for_ten_seconds() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    bench.web.arrange(USER_INFO, Reply::Never);
    let begin = Instant::now();
    let text = realtime.visit(SITE).sid("sid-alice").refused().await;
    assert!(text.starts_with("Unauthorized"), "{text}");
    let took = begin.elapsed();
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(13), "{took:?}");
}

#[tokio::test]
async fn who_waits_does_not_hold_up_the_others() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    let gate = bench.web.hold(USER_INFO);
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(realtime.visit(SITE).sid("sid-bob").knock().await);
    }
    bench.web.wait_for(USER_INFO, 2).await;
    alice.pinged().await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.web.wait_for(HAS_PERMISSION, 1).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    gate.add_permits(100);
    for bob in &mut waiting {
        bob.welcomed().await;
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_web_server_that_does_not_answer() {
    let bench = Bench::new().await;
    let mut realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    bench.web.arrange(USER_INFO, Reply::Never);
    bench.web.arrange(HAS_PERMISSION, Reply::Never);
    alice.says(json!(["doc_open", "ToDo", "T1"])).await;
    let _bob = realtime.visit(SITE).sid("sid-bob").knock().await;
    bench.web.wait_for(HAS_PERMISSION, 1).await;
    bench.web.wait_for(USER_INFO, 2).await;
    let begin = Instant::now();
    assert!(realtime.terminate().await.success());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

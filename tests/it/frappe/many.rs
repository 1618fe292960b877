//! Several gateways on one bench, as behind a balancer.

use std::time::Duration;

use serde_json::json;

use crate::support::frappe::{Bench, Realtime, SITE, Visitor};

/// Longer than a gateway that is dead may be counted among the living.
const LIMIT: Duration = Duration::from_secs(15);

/// Two gateways that hear events, and a visitor of each.
async fn two(bench: &Bench) -> [(Realtime, Visitor); 2] {
    let (one, two) = (bench.start().await, bench.start().await);
    let (alice, bob) = (one.user(SITE, "alice").await, two.user(SITE, "bob").await);
    [(one, alice), (two, bob)]
}

/// Waits until the last that it was told of a document is this: what is said meanwhile may be on its way between the
/// gateways still.
async fn told(visitor: &mut Visitor, users: &[&str]) {
    let mut last = Vec::new();
    let telling = async {
        while last != users {
            last = visitor.viewers("ToDo", "T1").await;
            // Clocks of several machines have no order of connecting.
            last.sort();
        }
    };
    let is_told = tokio::time::timeout(LIMIT, telling).await.is_ok();
    assert!(is_told, "{users:?} were due, and {last:?} came last");
}

async fn opens(visitor: &mut Visitor) {
    visitor.says(json!(["doc_open", "ToDo", "T1"])).await;
}

#[tokio::test]
async fn what_is_published_once_reaches_the_clients_of_both_once() {
    let bench = Bench::new().await;
    let mut both = two(&bench).await;
    for number in 0..50 {
        bench.publish_to(SITE, "all", "once", &json!(number));
    }
    bench.publish(&json!({ "event": "build_event", "message": null }));
    for (_, visitor) in &mut both {
        for number in 0..50 {
            assert_eq!(visitor.message("once").await, json!(number));
        }
        visitor.event("build_event").await;
        assert!(bench.is_in(visitor, "all").await);
    }
}

#[tokio::test]
async fn viewers_are_told_of_those_at_the_other_gateway() {
    let bench = Bench::new().await;
    let [(_one, mut alice), (_two, mut bob)] = two(&bench).await;
    opens(&mut alice).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    opens(&mut bob).await;
    told(&mut alice, &["alice", "bob"]).await;
    told(&mut bob, &["alice", "bob"]).await;
    bob.says(json!(["doc_close", "ToDo", "T1"])).await;
    told(&mut alice, &["alice"]).await;
    opens(&mut bob).await;
    told(&mut alice, &["alice", "bob"]).await;
    told(&mut bob, &["alice", "bob"]).await;
    alice.client.close().await;
    told(&mut bob, &["bob"]).await;
    assert!(bench.is_in(&mut bob, "open_doc:ToDo/T1").await);
}

#[tokio::test]
async fn viewers_of_a_gateway_that_is_killed_are_gone() {
    let bench = Bench::new().await;
    let [(_one, mut alice), (mut two, mut bob)] = two(&bench).await;
    opens(&mut alice).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    opens(&mut bob).await;
    told(&mut alice, &["alice", "bob"]).await;
    two.kill9().await;
    told(&mut alice, &["alice"]).await;
}

#[tokio::test]
async fn viewers_of_a_gateway_that_was_held_up_are_back_when_it_is() {
    let bench = Bench::new().await;
    let [(_one, mut alice), (two, mut bob)] = two(&bench).await;
    opens(&mut alice).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    opens(&mut bob).await;
    told(&mut alice, &["alice", "bob"]).await;
    two.freeze();
    told(&mut alice, &["alice"]).await;
    two.thaw();
    told(&mut alice, &["alice", "bob"]).await;
    bob.says(json!(["doc_close", "ToDo", "T1"])).await;
    told(&mut alice, &["alice"]).await;
}

#[tokio::test]
async fn viewers_of_a_gateway_that_stops_are_gone() {
    let bench = Bench::new().await;
    let [(_one, mut alice), (mut two, mut bob)] = two(&bench).await;
    opens(&mut bob).await;
    bench.enters(&mut bob, "open_doc:ToDo/T1").await;
    opens(&mut alice).await;
    told(&mut alice, &["alice", "bob"]).await;
    assert!(two.terminate().await.success());
    told(&mut alice, &["alice"]).await;
}

#[tokio::test]
async fn a_gateway_that_comes_later_learns_who_is_there() {
    let bench = Bench::new().await;
    let one = bench.start().await;
    let mut alice = one.user(SITE, "alice").await;
    opens(&mut alice).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    let two = bench.start().await;
    let mut bob = two.user(SITE, "bob").await;
    opens(&mut bob).await;
    told(&mut bob, &["alice", "bob"]).await;
    told(&mut alice, &["alice", "bob"]).await;
}

#[tokio::test]
async fn viewers_are_known_again_after_a_restart_of_redis() {
    let mut bench = Bench::new().await;
    let [(one, mut alice), (two, mut bob)] = two(&bench).await;
    opens(&mut alice).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    opens(&mut bob).await;
    told(&mut alice, &["alice", "bob"]).await;
    told(&mut bob, &["alice", "bob"]).await;
    bench.redis.restart();
    bench.secret("first-secret-of-the-bench-012345");
    for realtime in [&one, &two] {
        realtime.healthy("ok").await;
    }
    // Somebody new at one of them is told of all, and so are they.
    let mut carol = one.user(SITE, "carol").await;
    opens(&mut carol).await;
    for visitor in [&mut carol, &mut alice, &mut bob] {
        told(visitor, &["alice", "bob", "carol"]).await;
    }
}

#[tokio::test]
async fn nothing_is_left_in_the_redis_of_the_bench() {
    let bench = Bench::new().await;
    let [(mut one, mut alice), (mut two, mut bob)] = two(&bench).await;
    opens(&mut alice).await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
    opens(&mut bob).await;
    told(&mut alice, &["alice", "bob"]).await;
    assert_eq!(bench.redis.cli(&["KEYS", "*"]), "socketio_auth_secret");
    assert!(one.terminate().await.success());
    two.kill9().await;
    assert_eq!(bench.redis.cli(&["KEYS", "*"]), "socketio_auth_secret");
}

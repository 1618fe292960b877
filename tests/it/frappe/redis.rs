//! The Redis of the bench: restarted, away, with another secret, and reached in other ways.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::frappe::{Bench, SITE, USER_INFO, Visitor};
use crate::support::redis::RedisServer;

/// How soon events flow again once Redis is back; two seconds are promised, on a machine that does nothing else.
const SOON: Duration = Duration::from_secs(3);

/// The connections that are subscribed to something; each has a number of its own.
fn subscribers(bench: &Bench) -> Vec<String> {
    let list = bench.redis.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
    list.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Everybody hears one more event, the first of them soon: by a subscription that is none of the `known`.
async fn all_hear(bench: &Bench, visitors: &mut [Visitor], event: &str, known: &[String]) {
    let back = Instant::now();
    // The connection that was killed may still be counted.
    while bench.listeners() == 0 || subscribers(bench).iter().all(|id| known.contains(id)) {
        assert!(back.elapsed() < SOON, "{event}: nobody subscribed again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.publish_to(SITE, "all", event, &json!(1));
    visitors[0].event(event).await;
    assert!(back.elapsed() < SOON, "{event} took {:?}", back.elapsed());
    join_all(visitors.iter_mut().skip(1).map(|visitor| visitor.event(event))).await;
}

#[tokio::test]
async fn a_thousand_clients_stay_when_redis_is_restarted_and_events_flow_again() {
    let mut bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut visitors = Vec::new();
    for _ in 0..20 {
        let visits = (0..50).map(|number| realtime.user(SITE, ["alice", "bob"][number % 2]));
        visitors.extend(join_all(visits).await);
    }
    assert_eq!(visitors.len(), 1000);
    all_hear(&bench, &mut visitors, "before", &[]).await;
    let before = subscribers(&bench);
    bench.redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    all_hear(&bench, &mut visitors, "killed", &before).await;
    bench.redis.restart();
    // A new Redis counts its connections anew.
    all_hear(&bench, &mut visitors, "restarted", &[]).await;
    // Each heard each event once, and is still there.
    join_all(visitors.iter_mut().map(Visitor::pinged)).await;
}

#[tokio::test]
async fn a_longer_absence_is_survived_and_told() {
    let mut bench = Bench::new().await.version(15);
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    realtime.healthy("ok").await;
    bench.redis.stop();
    realtime.healthy("degraded: ").await;
    alice.pinged().await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    alice.says(json!(["doc_open", "ToDo", "T1"])).await;
    alice.pinged().await;
    bench.redis.restart();
    realtime.healthy("ok").await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    bench.enters(&mut alice, "open_doc:ToDo/T1").await;
}

#[tokio::test]
async fn redis_may_come_later_than_the_gateway() {
    let mut bench = Bench::new().await;
    bench.redis.stop();
    let realtime = bench.start_deaf().await;
    realtime.healthy("degraded: ").await;
    bench.redis.restart();
    bench.secret("second-secret-of-the-bench-01234");
    realtime.healthy("ok").await;
    let mut alice = realtime.user(SITE, "alice").await;
    assert!(bench.is_in(&mut alice, "all").await);
}

#[tokio::test]
async fn a_redis_that_hangs_holds_up_no_client_for_long() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    bench.redis.freeze();
    alice.pinged().await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    alice.pinged().await;
    // Nobody can be let in without the secret; that is said within the patience of any test.
    let mut bob = realtime.visit(SITE).sid("sid-bob").knock().await;
    let answer = bob.client.packet().await;
    assert!(matches!(answer.kind, '0' | '4'), "{}", answer.raw);
    bench.redis.thaw();
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    realtime.user(SITE, "bob").await;
}

#[tokio::test]
async fn not_every_client_waits_for_a_redis_that_hangs() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    realtime.user(SITE, "alice").await;
    bench.redis.freeze();
    let begin = Instant::now();
    for _ in 0..8 {
        realtime.user(SITE, "bob").await;
    }
    let took = begin.elapsed();
    bench.redis.thaw();
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn another_secret_is_used_from_the_next_call_on() {
    let bench = Bench::new().await;
    let realtime = bench.start().await;
    realtime.user(SITE, "alice").await;
    bench.secret("second-secret-of-the-bench-01234");
    realtime.user(SITE, "alice").await;
    let secrets: Vec<_> =
        bench.web.calls_of(USER_INFO).iter().map(|call| call.header("x-frappe-socket-secret")).collect();
    let expected = ["first-secret-of-the-bench-012345", "second-secret-of-the-bench-01234"];
    assert_eq!(secrets, expected.map(|secret| Some(secret.to_owned())));
    assert!(!realtime.log().contains("-secret-of-the-bench"), "the secret stands in the log");
}

#[tokio::test]
async fn redis_may_be_behind_a_unix_socket_or_a_password() {
    for kind in ["unix", "password", "database"] {
        let settings: &[(&str, &str)] = if kind == "password" { &[("requirepass", "hunter2")] } else { &[] };
        let bench = Bench::on(RedisServer::with(settings)).await;
        let url = match kind {
            "unix" => format!("unix://{}", bench.redis.socket().display()),
            "database" => format!("{}/1", bench.redis.url()),
            _ => bench.redis.url(),
        };
        if kind == "database" {
            let secret = ["-n", "1", "SET", "socketio_auth_secret", "first-secret-of-the-bench-012345"];
            bench.redis.cli(&secret);
            bench.redis.cli(&["DEL", "socketio_auth_secret"]);
        }
        let bench = bench.common("redis_queue", json!(url));
        let realtime = bench.start().await;
        let mut alice = realtime.user(SITE, "alice").await;
        assert!(bench.is_in(&mut alice, "all").await, "{kind}");
        assert!(!realtime.log().contains("hunter2"), "the password stands in the log");
    }
}

#[tokio::test]
async fn what_is_said_in_a_bench_does_not_go_through_the_redis_of_postroom_itself() {
    let own = RedisServer::start();
    let bench = Bench::new().await.config(&format!("redis:\n  url: {}", own.url()));
    let realtime = bench.start().await;
    let mut alice = realtime.user(SITE, "alice").await;
    alice.says(json!(["doctype_subscribe", "ToDo"])).await;
    bench.enters(&mut alice, "doctype:ToDo").await;
    let channels = own.cli(&["PUBSUB", "CHANNELS"]);
    assert!(!channels.contains("website") && !channels.contains("ToDo"), "{channels}");
}

//! Where a gateway listens that finds its settings in a bench, and what of these counts.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;

use serde_json::json;

use crate::support::frappe::{Bench, Bridge, Realtime, SITE};
use crate::support::http::Wire;
use crate::support::process::free_port;

/// Where it listens, by what the bench says, if nobody else has taken that.
async fn listens_on(bench: &Bench, port: u16) -> Realtime {
    let realtime = bench.start_as_configured(port).await;
    realtime.user(SITE, "alice").await;
    realtime
}

#[tokio::test]
async fn the_port_of_the_bench_counts() {
    let port = free_port();
    let bench = Bench::new().await.common("socketio_port", json!(port));
    listens_on(&bench, port).await;
    let port = free_port();
    let bench = bench.common("socketio_port", json!(port.to_string()));
    listens_on(&bench, port).await;
}

#[tokio::test]
async fn what_is_false_in_a_later_file_overrides_nothing() {
    for nothing in [json!(0), json!(""), json!(null), json!(false)] {
        let port = free_port();
        let mut bench = Bench::new().await;
        let queue = bench.redis.url();
        let earlier = json!({ "socketio_port": port, "redis_queue": queue, "default_site": SITE });
        std::fs::write(bench.path("config.json"), earlier.to_string()).unwrap();
        for key in ["socketio_port", "redis_queue", "default_site", "socketio_uds"] {
            bench = bench.common_as_is(key, nothing.clone());
        }
        let realtime = listens_on(&bench, port).await;
        realtime.visit(SITE).reached_as("localhost").sid("sid-alice").join().await;
    }
}

#[tokio::test]
async fn the_environment_overrides_both_files() {
    let (earlier, later, last) = (free_port(), free_port(), free_port());
    let bench = Bench::new().await.common("socketio_port", json!(later));
    std::fs::write(bench.path("config.json"), json!({ "socketio_port": earlier }).to_string()).unwrap();
    let queue = bench.redis.url();
    let bench = bench
        .common("redis_queue", json!("redis://127.0.0.1:1"))
        .env("FRAPPE_REDIS_QUEUE", &queue)
        .env("FRAPPE_SOCKETIO_PORT", &last.to_string());
    let realtime = listens_on(&bench, last).await;
    let mut alice = realtime.user(SITE, "alice").await;
    assert!(bench.is_in(&mut alice, "all").await);
    for port in [earlier, later] {
        assert!(Wire::try_open(port).await.is_none(), "it listens on {port} too");
    }
}

#[tokio::test]
async fn settings_of_a_single_site_do_not_count_and_that_is_said() {
    let (port, wrong) = (free_port(), free_port());
    let bench = Bench::new().await.common("socketio_port", json!(port));
    let file = bench.path("sites").join(SITE).join("site_config.json");
    std::fs::write(file, json!({ "db_name": "x", "socketio_port": wrong }).to_string()).unwrap();
    let realtime = listens_on(&bench, port).await;
    assert!(Wire::try_open(wrong).await.is_none());
    let log = realtime.log();
    let line = log.lines().find(|line| line.contains("site_config.json") && line.contains("socketio_port"));
    assert!(line.is_some(), "{log}");
}

#[tokio::test]
async fn a_settings_file_that_cannot_be_read_is_an_error_with_its_place() {
    let bench = Bench::new().await;
    std::fs::write(bench.path("config.json"), "{\n \"socketio_port\": }").unwrap();
    let (status, said) = bench.start_in_vain().await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("config.json:2:"), "{said}");
}

#[tokio::test]
async fn a_unix_socket_stands_in_place_of_the_port() {
    let port = free_port();
    let bench = Bench::new().await.common("socketio_port", json!(port));
    let socket = bench.path("socketio.sock");
    // What a process left behind that was killed.
    drop(UnixListener::bind(&socket).unwrap());
    let bench = bench.common("socketio_uds", json!(socket));
    let mut realtime = bench.start_as_configured(port).await;
    assert!(Wire::try_open(port).await.is_none(), "it listens on the port too");
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    let bridge = Bridge::to(&socket).await;
    let visit = realtime.visit(SITE).by(bridge.port).sid("sid-alice");
    let mut alice = visit.join().await;
    assert!(bench.is_in(&mut alice, "all").await);
    let poller = visit.poll().await;
    poller.say(&format!("40/{SITE},")).await;
    assert!(poller.packets(1).await[0].starts_with(&format!("40/{SITE},{{")));
    // It is in use: another one does not take it away.
    let (status, said) = bench.start_in_vain().await;
    assert!(!status.success() && said.contains("socketio.sock"), "{said}");
    alice.pinged().await;
    assert!(realtime.terminate().await.success());
    assert!(!socket.exists());
}

#[tokio::test]
async fn the_socket_may_be_named_by_the_environment() {
    let bench = Bench::new().await;
    let socket = bench.path("from-env.sock");
    let bench = bench.env("FRAPPE_SOCKETIO_UDS", socket.to_str().unwrap());
    let _realtime = bench.start_as_configured(0).await;
    let bridge = Bridge::to(&socket).await;
    crate::support::frappe::Visit::new(bridge.port, SITE).sid("sid-alice").join().await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let bench = Bench::new().await;
    let file = bench.path("precious.txt");
    std::fs::write(&file, "precious").unwrap();
    let bench = bench.common("socketio_uds", json!(file));
    let (status, said) = bench.start_in_vain().await;
    assert!(!status.success() && said.contains("precious.txt"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

//! `/metrics`: on a listener of its own, and the books balance.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::support::backend;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::ask;
use crate::support::process::free_port;
use crate::support::redis::RedisServer;

/// What a scrape tells, by name without the prefix.
async fn scrape(port: u16) -> BTreeMap<String, u64> {
    let answer = ask(port, "GET", "/metrics", &[], b"").await;
    assert_eq!(answer.status, 200);
    let number = |line: &str| {
        let (name, value) = line.strip_prefix("postroom_")?.split_once(' ')?;
        Some((name.to_owned(), value.parse().unwrap()))
    };
    answer.text().lines().filter_map(number).collect()
}

fn balance(books: &BTreeMap<String, u64>) -> bool {
    let out = ["acked", "expired", "resynced", "dropped"];
    let out: u64 = out.iter().map(|what| books[&format!("entries_{what}_total")]).sum();
    books["entries_accepted_total"] == out + books["entries_queued"]
}

/// Scrapes until the numbers are these: on Redis they follow.
async fn told(port: u16, expected: &[(&str, u64)]) {
    let mut books = BTreeMap::new();
    for _ in 0..200 {
        books = scrape(port).await;
        assert!(balance(&books), "{books:?}");
        if expected.iter().all(|(name, value)| books[*name] == *value) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("expected {expected:?}, found {books:?}");
}

async fn two_messages(gateway: &Gateway, port: u16) {
    let mut here = Client::v4(gateway, "demo", "user_1", "here").await;
    let away = Client::v4(gateway, "demo", "user_1", "away").await;
    away.close().await;
    gateway.send("demo", &["user_1"], "hello", json!(1)).await;
    here.acked("hello").await;
    here.settled().await;
    gateway.send("demo", &["user_1"], "hello", json!(2)).await;
    let expected = [
        ("entries_accepted_total", 4),
        ("entries_acked_total", 1),
        ("entries_queued", 3),
        ("devices", 2),
        ("devices_online", 1),
    ];
    told(port, &expected).await;
    here.acked("hello").await;
    told(port, &[("entries_acked_total", 2), ("entries_queued", 2)]).await;
}

#[tokio::test]
async fn the_books_balance_and_begin_anew_with_what_waits() {
    let (site, port) = (backend::start().await, free_port());
    let mut gateway =
        Setup::demo(&site).config(&format!("metrics: {{listen: 127.0.0.1:{port}}}")).start().await;
    two_messages(&gateway, port).await;
    assert_eq!(gateway.get("/metrics").await.status, 404, "not where clients come in");
    assert_eq!(ask(port, "GET", "/send", &[], b"").await.status, 404);
    assert!(gateway.terminate().await.success());
    gateway.start_again().await;
    told(port, &[("entries_accepted_total", 2), ("entries_acked_total", 0), ("entries_queued", 2)]).await;
    assert!(gateway.terminate().await.success());
}

#[tokio::test]
async fn on_redis_the_books_are_those_of_all_nodes() {
    let (site, redis, port) = (backend::start().await, RedisServer::start(), free_port());
    let config = format!(
        "metrics: {{listen: 127.0.0.1:{port}}}\nredis:\n  url: {}\n  lease: 1s\n  shards: 4",
        redis.url()
    );
    let gateway = Setup::demo(&site).config(&config).start().await;
    two_messages(&gateway, port).await;
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_and_names_the_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!("metrics:\n  listen: {}", taken.local_addr().unwrap());
    let (status, said) = Setup::demo(&backend::start().await).config(&config).start_in_vain().await;
    assert!(!status.success());
    assert!(said.contains("metrics.listen"), "{said}");
}

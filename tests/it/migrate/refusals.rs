//! What must not be done is refused, with a text that says what to do; and nothing is changed.

use super::desk::*;
use crate::support::gateway::Setup;
use crate::support::redis::RedisServer;
use crate::support::site_server::{Reply, SiteServer};

/// A desk with a store in `data`.
fn filled() -> Desk {
    let desk = Desk::new();
    let devices = vec![device(1, "shop", "user_1", &[])];
    fill(&desk.path("data"), devices, vec![message("[1]", false, [1])]);
    desk
}

#[test]
fn stores_that_cannot_be_meant() {
    let desk = filled();
    for (from, to, text) in [
        ("sqlite:data", "sqlite:other", "one has to be the embedded store"),
        ("redis://127.0.0.1:9", "redis://127.0.0.1:9/1", "one has to be the embedded store"),
        ("sqlite:data", "mysql://me:hunter2@host/db", "nor a URL of Redis"),
        ("sqlite:data", "redis://:hunter2@host/many", "--to: "),
        ("sqlite:", "redis://127.0.0.1:9", "--from: the path is missing"),
        ("sqlite:nowhere", "redis://127.0.0.1:9", "there is no database nowhere/postroom.db"),
        ("sqlite:data", "redis://:hunter2@127.0.0.1:9", "redis://127.0.0.1:9: "),
        ("sqlite:data", "redis", "names no Redis"),
    ] {
        let error = desk.refused(from, to, &[]);
        assert!(error.contains(text) && !error.contains("hunter2"), "{from} {to}: {error}");
    }
    assert!(!desk.path("nowhere").exists() && !desk.path("other").exists());
}

#[tokio::test]
async fn an_embedded_store_on_which_a_gateway_runs() {
    let site = SiteServer::start(|_, _| Reply::json(200, "[]")).await;
    let gateway = Setup::demo(&site).start().await;
    let (desk, redis) = (Desk::new(), RedisServer::start());
    let data = format!("sqlite:{}", gateway.data().display());
    for (from, to) in [(&*data, &*redis.url()), (&*redis.url(), &*data)] {
        redis.cli(&["FLUSHALL"]);
        if to == data {
            fill(&desk.path("empty"), Vec::new(), Vec::new());
            desk.moves("sqlite:empty", &redis.url(), &[]);
        }
        let error = desk.refused(from, to, &[]);
        assert!(error.contains("another postroom process uses the data directory"), "{error}");
        assert!(error.contains("nothing was moved"), "{error}");
    }
}

#[test]
fn an_embedded_store_that_is_not_empty() {
    let (desk, redis) = (filled(), RedisServer::start());
    desk.moves("sqlite:data", &redis.url(), &[]);
    let before = desk.contents("data");
    let error = desk.refused(&redis.url(), "sqlite:data", &[]);
    assert!(error.contains("data/postroom.db is not empty: it holds 1 devices and 1 messages"), "{error}");
    assert_eq!(desk.contents("data"), before);
}

#[test]
fn a_redis_that_is_not_empty_until_it_is_emptied_as_the_text_says() {
    let (desk, redis) = (filled(), RedisServer::start());
    desk.moves("sqlite:data", &redis.url(), &["--redis-shards", "5"]);
    redis.cli(&["SET", "postroom.other", "1"]);
    let digest = redis.cli(&["DEBUG", "DIGEST"]);
    let error = desk.refused("sqlite:data", &redis.url(), &[]);
    assert!(error.contains("prefix postroom: it is not empty (there is the key postroom{"), "{error}");
    assert_eq!(redis.cli(&["DEBUG", "DIGEST"]), digest);
    empty_as_told(&redis, &error);
    assert_eq!(redis.cli(&["KEYS", "*"]), "postroom.other", "what has another name stays");
    desk.moves("sqlite:data", &redis.url(), &[]);
}

/// Says to redis-cli what the text tells.
pub fn empty_as_told(redis: &RedisServer, text: &str) {
    let (_, script) = text.split_once("EVAL \"").unwrap();
    let (script, rest) = script.split_once("\" 0 \"").unwrap();
    let (pattern, _) = rest.split_once('"').unwrap();
    redis.cli(&["EVAL", script, "0", pattern]);
}

#[test]
fn a_redis_on_which_a_gateway_runs_or_ran_a_moment_ago() {
    let (desk, redis) = (filled(), RedisServer::start());
    desk.moves("sqlite:data", &redis.url(), &["--redis-shards", "1"]);
    let back = || desk.run(&redis.url(), "sqlite:back", &["--redis-shards", "1"]);
    let lease = redis.cli(&["--scan", "--pattern", "*}:h"]).replace("}:h", "}:lease");
    redis.cli(&["ZADD", &lease, "99999999999999", "2"]);
    let error = back().stderr;
    assert!(error.contains("a gateway runs on the store") && error.contains("stop all of them"), "{error}");
    assert!(!desk.path("back/postroom.db").exists());
    redis.cli(&["ZADD", &lease, "1", "2"]);
    assert!(back().success, "its lease is over");
}

#[test]
fn a_redis_without_a_store_or_with_another_one() {
    let (desk, redis) = (filled(), RedisServer::start());
    let error = desk.refused(&redis.url(), "sqlite:back", &[]);
    assert!(error.contains("there is no store with the prefix postroom and 16 shards"), "{error}");
    desk.moves("sqlite:data", &redis.url(), &["--redis-shards", "1"]);
    let head = redis.cli(&["--scan", "--pattern", "*}:h"]);
    redis.cli(&["HSET", &head, "model", "9/1/0"]);
    let error = desk.refused(&redis.url(), "sqlite:back", &["--redis-shards", "1"]);
    assert!(error.contains("9/1/0, which is version/shards/shard, and not 1/1/0"), "{error}");
}

#[test]
fn a_redis_that_lost_something_is_told_with_both_numbers_or_by_name() {
    let (desk, redis) = (filled(), RedisServer::start());
    desk.moves("sqlite:data", &redis.url(), &[]);
    let body = redis.cli(&["--scan", "--pattern", "*}:m:*"]);
    redis.cli(&["DEL", &body]);
    let error = desk.refused(&redis.url(), "sqlite:back", &[]);
    assert!(error.contains("has no body"), "{error}");
    assert!(error.contains("postroom.db.moving"), "it says what to clean up: {error}");
}

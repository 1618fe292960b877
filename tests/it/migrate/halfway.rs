//! A move that ends in the middle leaves nothing that somebody could take for a store.

use std::time::Duration;

use super::desk::*;
use super::refusals::empty_as_told;
use crate::support::redis::{Proxy, RedisServer, until};

/// A desk with a store in `data` that takes a while by way of a slow proxy.
fn filled() -> Desk {
    let desk = Desk::new();
    let devices = (1..=50).map(|no| device(no, "shop", &format!("user_{no}"), &[])).collect();
    let messages = (0..5_000).map(|n| message(format!("[{n}]"), false, [n % 50 + 1])).collect();
    fill(&desk.path("data"), devices, messages);
    desk
}

fn slow(redis: &RedisServer) -> (Proxy, String) {
    let proxy = Proxy::start(redis.port());
    proxy.delay(Duration::from_millis(5));
    let url = redis.url_at(proxy.port());
    (proxy, url)
}

#[test]
fn killed_on_the_way_into_redis() {
    let (desk, redis) = (filled(), RedisServer::start());
    let (_proxy, url) = slow(&redis);
    let running = desk.begin("sqlite:data", &url, &[]);
    let has_bodies = || !redis.cli(&["--scan", "--pattern", "*}:m:*"]).is_empty();
    until("messages arrive", 30, has_bodies);
    drop(running);
    let error = desk.refused("sqlite:data", &redis.url(), &[]);
    assert!(error.contains("an earlier move to it did not come to its end"), "{error}");
    let source = desk.refused(&redis.url(), "sqlite:back", &[]);
    assert!(source.contains("it is only a part of one"), "{source}");
    empty_as_told(&redis, &error);
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
    desk.moves("sqlite:data", &redis.url(), &[]);
}

#[test]
fn killed_on_the_way_out_of_redis() {
    let (desk, redis) = (filled(), RedisServer::start());
    desk.moves("sqlite:data", &redis.url(), &[]);
    let (_proxy, url) = slow(&redis);
    let running = desk.begin(&url, "sqlite:back", &[]);
    let unfinished = desk.path("back/postroom.db.moving");
    until("the target is begun", 30, || unfinished.exists());
    drop(running);
    assert!(!desk.path("back/postroom.db").exists());
    let error = desk.refused(&redis.url(), "sqlite:back", &[]);
    assert!(error.contains("an earlier move to back did not come to its end"), "{error}");
    let (_, mend) = error.split_once("delete ").unwrap();
    let (files, _) = mend.split_once(" and start again").unwrap();
    let deleted = std::process::Command::new("sh")
        .args(["-c", &format!("rm {files}")])
        .current_dir(desk.path(""))
        .status();
    assert!(deleted.unwrap().success());
    desk.moves(&redis.url(), "sqlite:back", &[]);
    assert_eq!(desk.contents("back").devices, desk.contents("data").devices);
}

#[test]
fn a_gateway_that_is_started_on_the_source_meanwhile_is_noticed() {
    let (desk, redis) = (filled(), RedisServer::start());
    desk.moves("sqlite:data", &redis.url(), &["--redis-shards", "1"]);
    let (_proxy, url) = slow(&redis);
    let mut command = desk.command(&url, "sqlite:back", &["--redis-shards", "1"]);
    let running = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut running = Running(running.spawn().unwrap());
    let unfinished = desk.path("back/postroom.db.moving");
    until("the target is begun", 30, || unfinished.exists());
    let head = redis.cli(&["--scan", "--pattern", "*}:h"]);
    redis.cli(&["HINCRBY", &head, "node", "1"]);
    let mut error = String::new();
    std::io::Read::read_to_string(&mut running.0.stderr.take().unwrap(), &mut error).unwrap();
    assert!(!running.0.wait().unwrap().success());
    assert!(error.contains("a gateway was started on the source meanwhile"), "{error}");
    assert!(!desk.path("back/postroom.db").exists());
}

#[test]
fn a_connection_that_breaks_is_told_with_what_to_clean_up() {
    let (desk, redis) = (filled(), RedisServer::start());
    let (proxy, url) = slow(&redis);
    let mut command = desk.command("sqlite:data", &url, &[]);
    let running = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut running = Running(running.spawn().unwrap());
    until("messages arrive", 30, || !redis.cli(&["--scan", "--pattern", "*}:m:*"]).is_empty());
    proxy.refuse();
    let mut error = String::new();
    std::io::Read::read_to_string(&mut running.0.stderr.take().unwrap(), &mut error).unwrap();
    assert!(!running.0.wait().unwrap().success());
    assert!(error.contains("is as it was") && error.contains("EVAL"), "{error}");
    empty_as_told(&redis, &error);
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
}

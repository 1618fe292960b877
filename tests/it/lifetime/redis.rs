//! What the log says of Redis to whoever runs the gateway: what to do, each thing once, and no password.

use std::time::Duration;

use crate::support::gateway::{Gateway, Setup};
use crate::support::redis::RedisServer;
use crate::support::site_server::{Reply, SiteServer};

async fn on(redis: &RedisServer, more: &str) -> Gateway {
    let site = SiteServer::start(|_, _| Reply::json(200, r#"["user_1"]"#)).await;
    let config = format!("redis:\n  url: {}\n  lease: 1s{more}", redis.url());
    Setup::demo(&site).config(&config).start_unready().await
}

fn lines(gateway: &Gateway, text: &str) -> usize {
    gateway.logs().iter().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn a_server_that_comes_later_is_told_of_later() {
    let mut redis = RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    redis.stop();
    let gateway = on(&redis, "").await;
    gateway.log_line("does not answer yet; how durable").await;
    assert_eq!(lines(&gateway, "as durable as Redis"), 0);
    redis.restart();
    let line = gateway.log_line("as durable as Redis").await;
    assert!(line.contains("appendfsync always"), "{line}");
    gateway.log_line("in order again").await;
    gateway.get("/readyz").await;
}

#[tokio::test]
async fn what_somebody_has_to_mend_ends_the_start_and_says_how() {
    let redis = RedisServer::with(&[("requirepass", "hunter2")]);
    let site = SiteServer::start(|_, _| Reply::json(200, r#"["user_1"]"#)).await;
    let with = |more: &str| {
        Setup::demo(&site).config(&format!("redis:\n  url: redis://127.0.0.1:{}{more}", redis.port()))
    };
    let mut gateway = with("\n  password: hunter2\n  shards: 4").start().await;
    gateway.terminate().await;
    for (more, mend) in [
        ("", "redis.password"),
        ("\n  password: hunter3", "check user and password"),
        ("\n  password: hunter2\n  shards: 8", "`redis.shards` was 4; set it to that"),
        ("\n  password: hunter2\n  database: 9999", "redis.database"),
        ("\n  password: hunter2\n  cluster: true", "name it alone, as a single server"),
        ("\n  password: hunter2\n  sentinelMaster: m", "not a sentinel"),
    ] {
        let (status, said) = with(more).start_in_vain().await;
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(mend), "{more}: {said}");
        assert!(!said.contains("trying again") && !said.contains("hunter"), "{more}: {said}");
    }
}

#[tokio::test]
async fn that_all_shards_lost_their_data_is_said_once() {
    let redis = RedisServer::start();
    let gateway = on(&redis, "\n  shards: 16").await;
    gateway.log_line("as durable as Redis").await;
    redis.cli(&["FLUSHALL"]);
    gateway.log_line("registers anew").await;
    let registered = async {
        while redis.cli(&["--scan", "--pattern", "postroom{*}:lease"]).lines().count() < 16 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), registered)
        .await
        .expect("every shard knows the node again");
    assert_eq!(lines(&gateway, "registers anew"), 1);
}

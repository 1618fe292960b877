//! `redis` in `config.yml`, and its variables.

use std::path::PathBuf;
use std::time::Duration;

use super::super::{Redis, RedisLogin, RedisServers};
use super::Desk;
use crate::domain::Secret;

fn redis(desk: &Desk) -> Redis {
    desk.settings().server.redis.unwrap()
}

/// The URLs in full, and the kind.
fn urls(desk: &Desk) -> (&'static str, Vec<String>) {
    let (kind, urls) = match redis(desk).servers {
        RedisServers::Single(url) => ("single", vec![url]),
        RedisServers::Cluster(urls) => ("cluster", urls),
        RedisServers::Sentinel { sentinels, .. } => ("sentinel", sentinels),
    };
    (kind, urls.iter().map(|url| url.full.expose().to_owned()).collect())
}

#[test]
fn without_a_url_there_is_no_redis() {
    let mut desk = Desk::new();
    assert_eq!(desk.settings().server.redis, None);
    assert_eq!(desk.env("REDIS_URL", "").config("redis:\n").settings().server.redis, None);
}

#[test]
fn a_url_is_enough() {
    let mut desk = Desk::new();
    let redis = redis(desk.config("redis: redis://redis.example:6380/2\n"));
    assert_eq!(redis.servers.to_string(), "redis://redis.example:6380");
    let rest = (redis.ca, redis.prefix.as_str(), redis.shards, redis.wait_replicas, redis.lease);
    assert_eq!(rest, (None, "postroom", 16, 0, Duration::from_secs(10)));
    assert_eq!(urls(&desk), ("single", vec!["redis://redis.example:6380/2".to_owned()]));
    assert_eq!(desk.warnings(), "");
}

#[test]
fn every_key_is_read() {
    let mut desk = Desk::new();
    let redis = redis(desk.config(
        "redis:\n  url: [rediss://a, 'rediss://:x@b:7000']\n  cluster: true\n  username: push\n  password: 'a b@/#'\n  \
         database: 0\n  ca: /etc/ca.pem\n  prefix: shop:push\n  shards: 64\n  waitReplicas: 1\n  lease: 1m\n",
    ));
    let rest = (redis.ca, redis.prefix.as_str(), redis.shards, redis.wait_replicas, redis.lease);
    assert_eq!(rest, (Some(PathBuf::from("/etc/ca.pem")), "shop:push", 64, 1, Duration::from_mins(1)));
    assert_eq!(redis.servers.to_string(), "the Cluster of rediss://a, rediss://b:7000");
    let full =
        ["rediss://push:a%20b%40%2F%23@a/0", "rediss://push:a%20b%40%2F%23@b:7000/0"].map(str::to_owned);
    assert_eq!(urls(&desk), ("cluster", full.to_vec()));
    assert_eq!(desk.warnings(), "");
}

#[test]
fn every_variable_is_read_and_wins() {
    let mut desk = Desk::new();
    for (name, value) in [
        ("REDIS_URL", "redis://a,redis://b"),
        ("POSTROOM_REDIS_SENTINEL_MASTER", "mymaster"),
        ("POSTROOM_REDIS_CLUSTER", "false"),
        ("POSTROOM_REDIS_USERNAME", "push"),
        ("POSTROOM_REDIS_PASSWORD", "hunter2"),
        ("POSTROOM_REDIS_DATABASE", "3"),
        ("POSTROOM_REDIS_CA", "ca.pem"),
        ("POSTROOM_REDIS_PREFIX", "p"),
        ("POSTROOM_REDIS_SHARDS", "256"),
        ("POSTROOM_REDIS_WAIT_REPLICAS", "2"),
        ("POSTROOM_REDIS_LEASE", "5s"),
    ] {
        desk.env(name, value);
    }
    desk.config("redis: {url: 'redis://elsewhere', prefix: x}\n");
    let redis = redis(&desk);
    let RedisServers::Sentinel { master, login, .. } = redis.servers else { panic!() };
    let password = Some(Secret::new("hunter2"));
    let expected = RedisLogin { username: Some("push".to_owned()), password, database: Some(3) };
    assert_eq!((master.as_str(), login), ("mymaster", expected));
    let rest = (redis.prefix.as_str(), redis.shards, redis.wait_replicas, redis.lease);
    assert_eq!(rest, ("p", 256, 2, Duration::from_secs(5)));
    // The login is that of the server, not of its sentinels.
    assert_eq!(urls(&desk).1, ["redis://a", "redis://b"]);
    assert_eq!(
        desk.warnings(),
        "$POSTROOM_REDIS_CA: redis.ca: does nothing without TLS; write `rediss://` in `redis.url`"
    );
}

#[test]
fn the_shapes_of_the_original_are_understood() {
    for (yaml, url) in [
        ("redis: {host: redis.example}", "redis://redis.example:6379"),
        ("redis: {port: 6380}", "redis://127.0.0.1:6380"),
        ("redis: {host: '::1', port: '6380', db: 2}", "redis://[::1]:6380/2"),
        ("redis: {url: 'redis://x', auth_pass: 'a,b'}", "redis://:a,b@x"),
        ("redis: {url: 'redis://u:p@x/1', user: v}", "redis://v:p@x/1"),
        ("redis: {url: 'unix:///run/redis.sock'}", "unix:///run/redis.sock"),
        (
            "redis: {url: 'unix:///run/redis.sock?db=1&pass=x', db: 2, user: u}",
            "unix:///run/redis.sock?pass=x&user=u&db=2",
        ),
    ] {
        assert_eq!(urls(Desk::new().config(yaml)), ("single", vec![url.to_owned()]), "{yaml}");
    }
    let warnings = Desk::new().config("redis: {host: x, retry_strategy: 1}").warnings();
    assert_eq!(
        warnings,
        "config.yml:1:18: redis.retry_strategy: this setting of the original has no use here and is ignored"
    );
    let mut desk = Desk::new();
    desk.env("REDIS_URL", "redis://y").config("redis: {host: x}");
    assert_eq!(urls(&desk).1, ["redis://y"]);
    assert_eq!(desk.warnings(), "config.yml:1:9: redis.host: does nothing, because REDIS_URL is set");
}

#[test]
fn the_embedded_store_beside_redis_is_warned_of() {
    let mut desk = Desk::new();
    desk.config("durability: full\n").env("REDIS_URL", "redis://x").sources.data = Some("here".into());
    assert_eq!(
        desk.warnings(),
        "--data: data: has no effect: messages are kept in Redis (`redis`), not in the embedded store\n\
         config.yml:1:1: durability: has no effect: how durable messages are in Redis is said there, by `appendonly` \
         and `appendfsync`"
    );
}

/// What stands in config.yml, how what is said about it begins.
const WRONG: &[(&str, &str)] = &[
    ("redis: {sentinelMaster: m}", "1:9: redis.sentinelMaster: needs `redis.url` (or REDIS_URL) beside it"),
    ("redis: {password: hunter2}", "1:9: redis.password: needs `redis.url`"),
    (
        "redis: {url: hunter2}",
        "1:9: redis.url: must be the URL of a server, such as redis://redis.example:6379",
    ),
    ("redis: hunter2", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'redis://:hunter2@x#y'", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'redis://:hunter2,3@x'", "1:1: redis.url: must be the URL of a server"),
    ("redis: ['redis://x', 'http://:hunter2@x']", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'redis://:hunter2@x/zero'", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'redis://:hunter2@x?db=1'", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'redis://:hunter2@'", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'unix://run/redis.sock?pass=hunter2'", "1:1: redis.url: must be the URL of a server"),
    ("redis: 'redis://hunter2@x'", "1:1: redis.url: names a user without a password"),
    ("redis: {url: 'redis://x', username: u}", "1:27: redis.username: names a user without a password"),
    (
        "redis: {url: 'redis://x', host: x}",
        "1:27: redis.host: is given beside `redis.url`, which says the same; delete one of the two",
    ),
    ("redis: {url: 'redis://x', tls: {}}", "1:27: redis.tls: write `rediss://` in `redis.url` instead"),
    ("redis: {path: /run/redis.sock}", "1:9: redis.path: write the socket as `url: unix:///run/redis.sock`"),
    ("redis: {url: 'redis://x', prefix: 'a{b}'}", "1:27: redis.prefix: must be 1 to 64 letters"),
    ("redis: {url: 'redis://x', shards: 257}", "1:27: redis.shards: must be a whole number from 1 to 256"),
    ("redis: {url: 'redis://x', lease: 500ms}", "1:27: redis.lease: must be a time from 1s to 1h"),
    ("redis: {url: ['redis://x', 'rediss://y']}", "1:9: redis.url: has `rediss://` (TLS) and others"),
    ("redis: {url: ['redis://x', 'unix:///y']}", "1:9: redis.url: names a socket and more"),
    ("redis: {url: 'unix:///y', cluster: true}", "1:9: redis.url: names a socket, and a Cluster is reached"),
    (
        "redis: {url: ['redis://x', 'redis://y'], cluster: false}",
        "1:42: redis.cluster: is false, but several URLs",
    ),
    (
        "redis: {url: ['redis://x', 'redis://y/1']}",
        "1:9: redis.url: names a database, and a Cluster has only 0",
    ),
    (
        "redis: {url: 'redis://x', cluster: true, db: 1}",
        "1:42: redis.database: names a database, and a Cluster",
    ),
    ("redis: {url: 'redis://x', cluster: true, sentinelMaster: m}", "1:27: redis.cluster: goes not with"),
    ("redis: {url: 'redis://x/1', sentinelMaster: m}", "1:9: redis.url: names a database, which sentinels"),
    ("redis: {url: 'redis://x', sentinelMaster: m, user: u}", "1:46: redis.username: names a user without"),
    ("redis: {uri: 'redis://:hunter2@x'}", "1:9: redis.uri: is not a setting; did you mean `redis.url`?"),
];

#[test]
fn wrong_settings_are_named_and_passwords_are_not() {
    for (yaml, error) in WRONG {
        let errors = Desk::new().config(yaml).errors();
        assert!(errors.starts_with(&format!("config.yml:{error}")), "{yaml}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{yaml}: {errors}");
        assert!(!errors.contains("hunter2"), "{yaml}: {errors}");
    }
    let errors = Desk::new().env("REDIS_URL", "hunter2").errors();
    assert!(errors.starts_with("$REDIS_URL: redis.url: must be") && !errors.contains("hunter2"), "{errors}");
}

#[test]
fn no_password_is_printed() {
    let mut desk = Desk::new();
    desk.config("redis: {url: 'redis://u:hunter2@x', password: hunter3}\n");
    let printed = format!("{:?} {}", desk.settings(), redis(&desk).servers);
    assert!(!printed.contains("hunter"), "{printed}");
    let sentinel = "redis: {url: 'redis://:hunter2@x', password: hunter3, sentinelMaster: m}\n";
    let printed = format!("{:?} {}", desk.config(sentinel).settings(), redis(&desk).servers);
    assert!(!printed.contains("hunter"), "{printed}");
}

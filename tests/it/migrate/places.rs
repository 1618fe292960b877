//! All the ways in which a Redis can be named.

use super::desk::*;
use crate::support::redis::{Certificates, Cluster, RedisServer, Sentinels};

/// There and back by these arguments: everything has to arrive.
fn there_and_back(url: &str, more: &[&str]) {
    let desk = Desk::new();
    fill_with_all_kinds(&desk.path("data"));
    desk.moves("sqlite:data", url, more);
    desk.moves(url, "sqlite:back", more);
    let (before, after) = (desk.contents("data"), desk.contents("back"));
    let inboxes = |contents: &Contents| {
        let all = contents.devices.iter();
        all.map(|(key, state)| (key.clone(), state.1, state.3.clone())).collect::<Vec<_>>()
    };
    assert_eq!(inboxes(&before), inboxes(&after), "{url}");
}

#[test]
fn a_unix_socket_and_a_database() {
    let redis = RedisServer::start();
    there_and_back(&format!("unix://{}?db=3", redis.socket().display()), &[]);
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
    assert_ne!(redis.cli(&["-n", "3", "DBSIZE"]), "0");
}

#[test]
fn tls_with_an_authority_of_ones_own_and_a_password() {
    let certificates = Certificates::make();
    let redis = RedisServer::with_tls(&certificates, &[("requirepass", "hunter2")]);
    let authority = certificates.authority().display().to_string();
    there_and_back(&redis.url(), &["--redis-ca", &authority]);
    let desk = Desk::new();
    let error = desk.refused(&redis.url(), "sqlite:back", &[]);
    assert!(error.contains("rediss://127.0.0.1") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_cluster_by_some_of_its_nodes() {
    let cluster = Cluster::start(3);
    there_and_back(&cluster.urls()[..2].join(","), &[]);
    for node in &cluster.nodes {
        assert_ne!(node.cli(&["DBSIZE"]), "0", "each has its part");
    }
}

#[test]
fn a_prefix_and_a_number_of_shards() {
    let redis = RedisServer::start();
    redis.cli(&["SET", "postroom{0}:s", "of somebody else"]);
    there_and_back(&redis.url(), &["--redis-prefix", "other", "--redis-shards", "3"]);
    assert_eq!(redis.cli(&["GET", "postroom{0}:s"]), "of somebody else");
}

#[test]
fn the_redis_of_the_settings_with_all_that_they_say_of_it() {
    let (desk, redis) = (Desk::new(), RedisServer::with(&[("requirepass", "hunter2")]));
    fill_with_all_kinds(&desk.path("here"));
    let url = format!("redis://127.0.0.1:{}/2", redis.port());
    let settings = format!(
        "data: here\ndevice_ttl: 0\nredis:\n  url: {url}\n  password: hunter2\n  prefix: own\n  shards: 2\n"
    );
    std::fs::write(desk.path("config.yml"), settings).unwrap();
    let said = desk.moves("sqlite", "redis", &[]);
    assert!(said.contains(&format!("from sqlite:here/postroom.db to {url} (own)")), "{said}");
    let heads = redis.cli(&["-n", "2", "--scan", "--pattern", "own{*}:h"]);
    assert_eq!(heads.lines().count(), 2);
    assert_eq!(redis.cli(&["-n", "2", "--scan", "--pattern", "own{*}:exp"]), "", "device_ttl: 0 is for ever");
    // The same place by its URL; the flags go before the settings, and another place has none of them.
    desk.moves(&url, "sqlite:back", &[]);
    assert!(desk.refused(&url, "sqlite:other", &["--redis-prefix", "x"]).contains("prefix x and 2 shards"));
    let elsewhere = desk.refused(&url.replace("/2", "/3"), "sqlite:other", &[]);
    assert!(!elsewhere.contains("prefix own"), "{elsewhere}");
    let left = |name| desk.contents(name).devices.into_values().map(|state| state.2).collect::<Vec<_>>();
    assert!(left("back").iter().all(Option::is_none));
}

#[test]
fn the_master_that_sentinels_name() {
    let sentinels = Sentinels::with(&[("requirepass", "hunter2")]);
    let desk = Desk::new();
    fill_with_all_kinds(&desk.path("data"));
    let settings = format!(
        "redis:\n  url: [{}]\n  sentinelMaster: {}\n  password: hunter2\n",
        sentinels.urls().join(", "),
        Sentinels::NAME
    );
    std::fs::write(desk.path("config.yml"), settings).unwrap();
    desk.moves("sqlite", "redis", &[]);
    desk.moves("redis", "sqlite:back", &[]);
    assert_eq!(desk.contents("back").census.bytes, desk.contents("data").census.bytes);
    let replica = sentinels.servers.iter().find(|server| server.port() != sentinels.master_port()).unwrap();
    let error = desk.refused(&replica.url(), "sqlite:other", &[]);
    assert!(error.contains("is a replica") && !error.contains("hunter2"), "{error}");
}

//! The servers that the tests use are what they seem.

use crate::support::redis::{Cluster, RedisServer, Sentinels, until};

#[test]
fn a_server_keeps_what_it_has_over_a_power_cut() {
    let mut server = RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")]);
    assert_eq!(server.cli(&["SET", "a", "1"]), "OK");
    server.kill9();
    server.restart();
    assert_eq!(server.cli(&["GET", "a"]), "1");
    server.stop();
}

#[test]
fn a_cluster_has_all_slots_and_moves_one() {
    let cluster = Cluster::start(3);
    assert_eq!(
        cluster.nodes[0].cli(&["SET", "{1}a", "x"]),
        "MOVED 9842 127.0.0.1:".to_owned() + &cluster.nodes[1].port().to_string()
    );
    assert_eq!(cluster.nodes[1].cli(&["SET", "{1}a", "x"]), "OK");
    cluster.move_slot(9842, 1, 2);
    assert_eq!(cluster.nodes[2].cli(&["GET", "{1}a"]), "x");
}

#[test]
fn sentinels_find_a_new_master() {
    let mut all = Sentinels::start();
    let first = all.servers[0].port();
    assert_eq!(all.master_port(), first);
    all.servers[0].kill9();
    until("there is a new master", 20, || all.master_port() == all.servers[1].port());
}

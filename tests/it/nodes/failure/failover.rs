//! The master dies under load, and a replica takes over.
//!
//! What the old master had published and its replica never got is given to the new one once more: a client may see it twice,
//! also in one session. Acks that were lost with the old master come to the same.

use std::time::{Duration, Instant};

use super::super::redis;
use super::super::town::Town;
use crate::support::redis::{Cluster, RedisServer, Sentinels};

/// Acks are not waited for by replicas, and a change of the master takes some seconds.
const LATE: Duration = Duration::from_secs(15);
/// Again in order so soon, on a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// Waits without holding up what goes on.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    super::until(what, async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        is_so().then_some(())
    })
    .await;
}

async fn follows(server: &RedisServer) {
    until("the old one follows", || server.field("master_link_status").as_deref() == Some("up")).await;
}

async fn town_on(sentinels: &Sentinels) -> Town {
    let more = format!("  sentinelMaster: {}\n  waitReplicas: 1\n", Sentinels::NAME);
    let config = redis(&sentinels.urls().join(" "), &more);
    Town::found(&[config.clone(), config], LATE).await
}

/// It takes messages again, and nothing is missing.
async fn goes_on(town: &mut Town) {
    let up = Instant::now();
    town.doubt();
    let took = town.accepts_after(up).await;
    assert!(took < SOON, "{took:?}");
    town.go_on(1.0).await;
    town.doubt();
    town.settle().await;
    town.drain().await;
}

#[tokio::test]
async fn a_master_that_dies_under_sentinels_loses_nothing_that_was_promised() {
    let mut sentinels = Sentinels::start();
    let mut town = town_on(&sentinels).await;
    town.go_on(2.0).await;
    let dead = sentinels.master_port();
    town.crowd.ledger.allow_twice();
    sentinels.servers[0].kill9();
    until("the master has changed", || sentinels.master_port() != dead).await;
    // Only now: a master that is back before that, and empty, would empty its replica too.
    sentinels.servers[0].restart();
    follows(&sentinels.servers[0]).await;
    goes_on(&mut town).await;
    town.nothing_left(&[&sentinels.servers[1]]).await;
}

#[tokio::test]
async fn a_planned_change_of_the_master_under_load_loses_nothing_that_was_promised() {
    let sentinels = Sentinels::start();
    let mut town = town_on(&sentinels).await;
    town.go_on(1.0).await;
    let before = sentinels.master_port();
    town.crowd.ledger.allow_twice();
    sentinels.fail_over();
    until("the master has changed", || sentinels.master_port() != before).await;
    follows(&sentinels.servers[0]).await;
    goes_on(&mut town).await;
    town.nothing_left(&[&sentinels.servers[1]]).await;
}

#[tokio::test]
async fn a_master_of_a_cluster_that_dies_loses_nothing_that_was_promised() {
    let mut cluster = Cluster::with(3, 1, &[]);
    let config = redis(&cluster.urls().join(" "), "  cluster: true\n  waitReplicas: 1\n");
    let mut town = Town::found(&[config.clone(), config], LATE).await;
    town.go_on(2.0).await;
    town.crowd.ledger.allow_twice();
    cluster.nodes[0].kill9();
    let is_master = || cluster.nodes[3].field("role").as_deref() == Some("master");
    until("the replica has taken over", is_master).await;
    // The shards of the others were never gone.
    town.go_on(1.0).await;
    cluster.nodes[0].restart();
    follows(&cluster.nodes[0]).await;
    goes_on(&mut town).await;
    let masters: Vec<&RedisServer> = [1, 2, 3].iter().map(|at| &cluster.nodes[*at]).collect();
    town.nothing_left(&masters).await;
}

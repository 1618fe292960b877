//! Slots of a Cluster move while messages are sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::town::Town;
use super::{aside, redis};
use crate::support::redis::{Cluster, RedisServer};

/// An ack may be held up while its slot moves.
const LATE: Duration = Duration::from_secs(6);

/// Slots of shards that this node has keys of.
fn slots(node: &RedisServer) -> Vec<u16> {
    let keys = node.cli(&["--scan"]);
    let heads = keys.lines().filter(|key| key.ends_with("}:h"));
    heads.map(|key| node.cli(&["CLUSTER", "KEYSLOT", key]).parse().unwrap()).collect()
}

#[tokio::test]
async fn slots_that_move_under_load_lose_and_split_nothing() {
    let cluster = Arc::new(Cluster::start(3));
    let config = redis(&cluster.urls().join(" "), "  cluster: true\n");
    let mut town = Town::found(&[config.clone(), config], LATE).await;
    for round in 0..3 {
        let (from, to) = (round % 3, (round + 1) % 3);
        for slot in slots(&cluster.nodes[from]) {
            let moving = Arc::clone(&cluster);
            aside(move || moving.move_slot(slot, from, to)).await;
            town.go_on(0.1).await;
        }
        let moved = Instant::now();
        town.accepts_after(moved).await;
    }
    town.doubt();
    town.go_on(2.0).await;
    town.settle().await;
    town.nothing_left(&cluster.nodes.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_slot_that_stays_in_two_minds_pauses_its_shard_and_splits_nothing() {
    let cluster = Arc::new(Cluster::start(3));
    let config = redis(&cluster.urls().join(" "), "  cluster: true\n");
    let mut town = Town::found(&[config.clone(), config], LATE).await;
    town.go_on(1.0).await;
    let all = slots(&cluster.nodes[0]);
    for slot in all.clone() {
        let moving = Arc::clone(&cluster);
        aside(move || {
            moving.begin_move(slot, 0, 1);
            // Half of its keys are there, half are here.
            moving.carry(slot, 0, 1, 2);
        })
        .await;
    }
    town.go_on(4.0).await;
    for slot in all {
        let moving = Arc::clone(&cluster);
        aside(move || moving.move_slot(slot, 0, 1)).await;
    }
    town.doubt();
    assert!(slots(&cluster.nodes[0]).is_empty());
    let moved = Instant::now();
    town.accepts_after(moved).await;
    town.go_on(2.0).await;
    let seen = town.settle().await;
    assert!(seen.refused > 0, "what is in two minds pauses");
    town.nothing_left(&cluster.nodes.iter().collect::<Vec<_>>()).await;
}

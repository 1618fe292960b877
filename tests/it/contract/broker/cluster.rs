//! The broker on a Redis Cluster.

use std::sync::Arc;

use postroom::backplane::{ServerUrl, Servers};
use postroom::broker::*;

use super::contract;
use super::redis::start;
use super::rig::*;
use crate::support::redis::Cluster;

/// Three servers, with a third of the slots each.
struct Three(Cluster);

impl Backend for Three {
    fn node(&self, reception: Arc<Heard>) -> Box<dyn Broker> {
        start(Servers::Cluster(vec![ServerUrl::parse(&self.0.nodes[0].url()).unwrap()]), reception)
    }
}

contract!(|| super::Three(crate::support::redis::Cluster::start(3)));

#[test]
fn across_a_cluster_too() {
    let backend = Three(Cluster::start(3));
    let (one, two) = (Node::new(&backend), Node::new(&backend));
    let rooms: Vec<String> = (0..12).map(|n| format!("room {n}")).collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    one.listen(&rooms[..6]);
    two.listen(&rooms[6..]);
    for id in 0..10 {
        two.publish(id, &rooms).unwrap();
        assert_eq!((one.heard_until(id), two.heard_until(id)), (vec![id], vec![id]));
    }
}

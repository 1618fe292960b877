//! A Redis Cluster of real servers.

use super::{RedisServer, until};
use crate::support::process::free_port;

/// Masters with all slots, in even parts, and their replicas.
pub struct Cluster {
    /// First the masters in the order of their slots, then the replicas of each in turn.
    pub nodes: Vec<RedisServer>,
    masters: usize,
}

impl Cluster {
    /// Masters only. A master is taken for dead after 1 s.
    pub fn start(masters: usize) -> Self {
        Self::with(masters, 0, &[])
    }

    /// With this many replicas for each master, in order, and settings for all.
    pub fn with(masters: usize, replicas: usize, settings: &[(&str, &str)]) -> Self {
        let nodes = (0..masters * (1 + replicas)).map(|_| node(settings)).collect();
        let cluster = Self { nodes, masters };
        cluster.meet();
        cluster.share_slots();
        cluster.settled();
        cluster.follow();
        cluster.settled();
        cluster
    }

    fn meet(&self) {
        let (first, bus) =
            (&self.nodes[0], |node: &RedisServer| node.cli(&["CONFIG", "GET", "cluster-port"]));
        for (at, node) in self.nodes.iter().enumerate() {
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
            let (port, bus) = (node.port().to_string(), bus(node));
            let bus = bus.lines().last().unwrap();
            assert_eq!(first.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]), "OK");
        }
        self.all_say(&format!("cluster_known_nodes:{}", self.nodes.len()));
    }

    fn share_slots(&self) {
        for (at, node) in self.nodes.iter().take(self.masters).enumerate() {
            let bound = |at: usize| at * 16384 / self.masters;
            let (from, to) = (bound(at).to_string(), (bound(at + 1) - 1).to_string());
            assert_eq!(node.cli(&["CLUSTER", "ADDSLOTSRANGE", &from, &to]), "OK");
        }
    }

    fn follow(&self) {
        for (at, replica) in self.nodes.iter().skip(self.masters).enumerate() {
            let master = self.nodes[at % self.masters].cli(&["CLUSTER", "MYID"]);
            until("a replica knows its master", 20, || {
                replica.cli(&["CLUSTER", "REPLICATE", &master]) == "OK"
            });
        }
        for replica in self.nodes.iter().skip(self.masters) {
            until("a replica is in sync", 20, || {
                replica.field("master_link_status").as_deref() == Some("up")
            });
        }
        let slaves = self.nodes.len() - self.masters;
        until("all nodes know who follows whom", 20, || {
            self.nodes.iter().all(|node| node.cli(&["CLUSTER", "NODES"]).matches("slave").count() == slaves)
        });
    }

    /// Waits until all nodes agree that everything is in order.
    pub fn settled(&self) {
        self.all_say("cluster_state:ok");
        self.all_say("cluster_slots_ok:16384");
    }

    fn all_say(&self, line: &str) {
        until(line, 20, || {
            self.nodes
                .iter()
                .all(|node| node.cli(&["CLUSTER", "INFO"]).lines().any(|said| said.trim() == line))
        });
    }

    /// Where all of them are.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// Moves a slot, keys and all, from one node to another.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_move(slot, from, to);
        while self.carry(slot, from, to, 1) > 0 {}
        self.end_move(slot, from, to);
    }

    /// The slot is in two minds from now on.
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target, slot) = (&self.nodes[from], &self.nodes[to], slot.to_string());
        let (source_id, target_id) = (source.cli(&["CLUSTER", "MYID"]), target.cli(&["CLUSTER", "MYID"]));
        target.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id]);
        source.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id]);
    }

    /// Carries keys of a slot over: some hundreds at most, and of these one in `of`. How many.
    pub fn carry(&self, slot: u16, from: usize, to: usize, of: usize) -> usize {
        // Not by redis-cli: a key may hold any byte.
        let client = redis::Client::open(self.nodes[from].url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut ask = redis::cmd("CLUSTER");
        ask.arg("GETKEYSINSLOT").arg(slot).arg(300);
        let keys: Vec<Vec<u8>> = ask.query(&mut connection).unwrap();
        let keys: Vec<Vec<u8>> = keys.into_iter().step_by(of).collect();
        if keys.is_empty() {
            return 0;
        }
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.nodes[to].port()).arg("").arg(0).arg(5000).arg("KEYS").arg(&keys);
        // A key that has gone meanwhile is no mistake.
        let said: String = migrate.query(&mut connection).unwrap();
        assert!(said == "OK" || said == "NOKEY", "{said}");
        keys.len()
    }

    /// The slot belongs to the other node from now on.
    pub fn end_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target, slot) = (&self.nodes[from], &self.nodes[to], slot.to_string());
        let target_id = target.cli(&["CLUSTER", "MYID"]);
        let others = self.nodes.iter().take(self.masters).enumerate();
        let others = others.filter(|(at, _)| ![from, to].contains(at)).map(|(_, node)| node);
        // Each once: a node that hears it again ends the subscriptions of the slot again.
        for node in [target, source].into_iter().chain(others) {
            assert_eq!(node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]), "OK");
        }
    }
}

fn node(settings: &[(&str, &str)]) -> RedisServer {
    let bus = free_port().to_string();
    let mut all = vec![
        ("cluster-enabled", "yes"),
        ("cluster-port", &bus),
        ("cluster-node-timeout", "1000"),
        ("cluster-allow-replica-migration", "no"),
        ("cluster-replica-validity-factor", "0"),
    ];
    all.extend_from_slice(settings);
    RedisServer::with(&all)
}

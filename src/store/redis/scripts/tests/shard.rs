//! One shard on a server of its own, and short words for what a node does there.

use std::collections::HashMap;

use bytes::Bytes;
use redis::{Cmd, ConnectionLike, FromRedisValue, RedisError, Value};

use super::super::super::keys::Keys;
use super::super::super::words::{
    Admitted, Arrival, Dno, Gen, Mark, NodeId, Outgoing, Publication, RoomName, Sent, Settled, ShardNo,
    Stretch, TickReport, To, Txn,
};
use super::super::{Scripts, mark_of, reply};
use super::leaks;
use super::server::Server;
use crate::domain::{BoundPolicy, Event, QueueBounds, Seq};

pub(super) const MODEL: &str = "1/4/2";
/// Nodes are numbered from 1.
const FAR: u64 = 1 << 50;
pub(super) const HERE: ShardNo = ShardNo(2);
/// A lease that no test outlives.
pub(super) const LONG: u64 = 3_600_000;

pub(super) fn room(name: &str) -> RoomName {
    RoomName([b"s\0", name.as_bytes()].concat().into())
}

pub(super) fn rooms(names: &[&str]) -> To {
    To::Rooms(names.iter().map(|name| (room(name), true)).collect())
}

pub(super) fn bounds(most: u32, bytes: u64, policy: BoundPolicy) -> QueueBounds {
    QueueBounds { max_messages: most, max_bytes: bytes, policy }
}

pub(super) fn message(to: To, body: &str) -> Outgoing {
    let event = Event::stored(Bytes::copy_from_slice(body.as_bytes()));
    Outgoing { to, event, resync: false, bounds: QueueBounds::default() }
}

pub(super) fn resync(to: To, body: &str) -> Outgoing {
    Outgoing { resync: true, ..message(to, body) }
}

pub(super) fn kept(devices: u32, online: u32, queued: u32) -> Sent {
    Sent::Kept { devices, online, queued, elsewhere: Vec::new() }
}

pub(super) fn arrival(generation: u64, user: &str, device: &str, others: &[&str]) -> Arrival {
    let record = ["s", user, device].into_iter().chain(others.iter().copied());
    let record: Vec<&str> = record.collect();
    Arrival {
        generation: Gen(generation),
        primary: room(user),
        device_id: device.into(),
        record: serde_json::to_string(&record).unwrap(),
        rooms: others.iter().map(|name| room(name)).collect(),
        entries: 256,
        bytes: 1 << 20,
    }
}

pub(super) struct Shard {
    pub(super) connection: redis::Connection,
    pub(super) server: Server,
    pub(super) scripts: Scripts,
    pub(super) p: Vec<u8>,
    /// What commands of publishing begin with.
    pubsub: &'static str,
    txns: HashMap<NodeId, u64>,
    ran: u64,
}

impl Shard {
    pub(super) fn new() -> Self {
        Self::with(Scripts::new(false), "")
    }

    pub(super) fn publishing_by_shard() -> Self {
        Self::with(Scripts::new(true), "S")
    }

    fn with(scripts: Scripts, pubsub: &'static str) -> Self {
        let server = Server::start();
        let mut connection = server.connection();
        for text in scripts.texts() {
            redis::cmd("SCRIPT").arg("LOAD").arg(text).exec(&mut connection).unwrap();
        }
        let p = Keys::new("t", 4).prefix(HERE).to_vec();
        Self { connection, server, scripts, p, pubsub, txns: HashMap::new(), ran: 0 }
    }

    /// As the lane does it.
    pub(super) fn run(&mut self, cmd: &Cmd) -> Result<Value, RedisError> {
        self.ran += 1;
        self.connection.req_command(cmd).and_then(Value::extract_error)
    }

    /// The first word and the rest of the error reply that `cmd` comes to.
    pub(super) fn refused(&mut self, cmd: &Cmd) -> (String, String) {
        let error = self.run(cmd).expect_err("an error reply");
        (error.code().unwrap_or_default().to_owned(), error.detail().unwrap_or_default().to_owned())
    }

    /// A plain command on a key of the shard.
    pub(super) fn ask<T: FromRedisValue>(&mut self, name: &str, key: &str, args: &[&str]) -> T {
        let key = [&self.p, key.as_bytes()].concat();
        redis::cmd(name).arg(key).arg(args).query(&mut self.connection).unwrap()
    }

    pub(super) fn next_txn(&mut self, node: NodeId) -> Txn {
        let txn = self.txns.entry(node).or_default();
        *txn += 1;
        Txn(*txn)
    }

    /// The number that was used last.
    pub(super) fn last_txn(&self, node: NodeId) -> Txn {
        Txn(self.txns[&node])
    }

    pub(super) fn register(&mut self) -> NodeId {
        self.register_for(LONG)
    }

    pub(super) fn register_for(&mut self, lease_ms: u64) -> NodeId {
        let cmd = self.scripts.register(&self.p, MODEL, lease_ms, FAR);
        let node = reply::register(self.run(&cmd).unwrap()).unwrap();
        self.txns.insert(node, 0);
        node
    }

    pub(super) fn tick(&mut self, node: NodeId, ttl_ms: u64) -> TickReport {
        let cmd = self.scripts.tick(&self.p, node, LONG, ttl_ms, &[]);
        reply::tick(self.run(&cmd).unwrap()).unwrap()
    }

    /// Until nothing is left to do.
    pub(super) fn tick_out(&mut self, node: NodeId, ttl_ms: u64) -> TickReport {
        for _ in 0..10_000 {
            let report = self.tick(node, ttl_ms);
            if !report.more {
                return report;
            }
        }
        panic!("ticks without end");
    }

    pub(super) fn arrive(&mut self, node: NodeId, arrival: &Arrival) -> Admitted {
        let txn = self.next_txn(node);
        let cmd = self.scripts.connect(&self.p, node, txn, arrival);
        reply::connect(self.run(&cmd).unwrap()).unwrap()
    }

    pub(super) fn connect(
        &mut self,
        node: NodeId,
        generation: u64,
        user: &str,
        device: &str,
        others: &[&str],
    ) -> Dno {
        self.arrive(node, &arrival(generation, user, device, others)).dno
    }

    pub(super) fn disconnect(&mut self, node: NodeId, ttl_ms: u64, ends: &[(Dno, u64)]) {
        let txn = self.next_txn(node);
        let ends: Vec<(Dno, Gen)> = ends.iter().map(|(dno, generation)| (*dno, Gen(*generation))).collect();
        let cmd = self.scripts.disconnect(&self.p, node, txn, ttl_ms, &ends);
        self.run(&cmd).unwrap();
    }

    pub(super) fn send(&mut self, node: NodeId, messages: &[Outgoing]) -> Vec<Sent> {
        let txn = self.next_txn(node);
        self.send_as(node, txn, messages)
    }

    pub(super) fn send_as(&mut self, node: NodeId, txn: Txn, messages: &[Outgoing]) -> Vec<Sent> {
        let cmd = self.scripts.send(&self.p, node, txn, messages);
        reply::send(self.run(&cmd).unwrap()).unwrap()
    }

    /// One message for one room.
    pub(super) fn post(&mut self, node: NodeId, to: &str, body: &str) -> Seq {
        let sent = self.send(node, &[message(rooms(&[to]), body)]);
        assert!(matches!(sent[..], [Sent::Kept { .. }]), "{sent:?}");
        self.newest()
    }

    /// The last Seq of the shard.
    pub(super) fn newest(&mut self) -> Seq {
        Seq(self.ask("HGET", "h", &["seq"]))
    }

    pub(super) fn ack(&mut self, settled: &[Settled]) {
        let cmd = self.scripts.ack(&self.p, settled);
        self.run(&cmd).unwrap();
    }

    pub(super) fn read(&mut self, dno: Dno, after: Seq, entries: usize, bytes: usize) -> Stretch {
        let cmd = self.scripts.read(&self.p, &[(dno, after, entries, bytes)]);
        let mut stretches = reply::read(self.run(&cmd).unwrap()).unwrap();
        assert_eq!(stretches.len(), 1);
        stretches.remove(0)
    }

    /// As what the device is known now.
    pub(super) fn mark(&mut self, dno: Dno) -> Mark {
        let record: Option<String> = self.ask("GET", &format!("d:{}", dno.0), &[]);
        let Some(record) = record else { return Mark::default() };
        let parts: Vec<String> = serde_json::from_str(&record).unwrap();
        mark_of(&room(&parts[1]), &parts[2], &record)
    }

    /// What waits, and whether a `_resync` is owed.
    pub(super) fn inbox(&mut self, dno: Dno) -> (Vec<(Seq, String)>, Option<Seq>) {
        let stretch = self.read(dno, Seq(0), 256, usize::MAX);
        assert!(!stretch.more);
        let entries = stretch.entries.into_iter();
        (
            entries.map(|(seq, body)| (seq, String::from_utf8(body.to_vec()).unwrap())).collect(),
            stretch.resync,
        )
    }

    pub(super) fn bodies(&mut self, dno: Dno) -> Vec<String> {
        self.inbox(dno).0.into_iter().map(|(_, body)| body).collect()
    }

    pub(super) fn counters(&mut self) -> [u64; 6] {
        let head: HashMap<String, String> = self.ask("HGETALL", "h", &[]);
        ["acc", "ack", "exp", "rsy", "drp", "on"].map(|name| head.get(name).map_or(0, |n| n.parse().unwrap()))
    }

    pub(super) fn listen(&self, node: NodeId) -> Listener {
        let channel = Keys::new("t", 4).channel(HERE, node);
        let mut connection = self.server.connection();
        let subscribe = redis::cmd(&format!("{}SUBSCRIBE", self.pubsub)).arg(&channel).get_packed_command();
        connection.send_packed_command(&subscribe).unwrap();
        connection.recv_response().unwrap();
        Listener { connection, channel }
    }

    /// Everything that is cut off is swept, and nothing is left over.
    pub(super) fn finish(mut self) {
        let node = self.register();
        self.tick_out(node, 0);
        leaks::check(&mut self);
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.connection).unwrap();
        let calls = stats.split("cmdstat_evalsha:calls=").nth(1).unwrap().split(',').next().unwrap();
        assert_eq!(calls.parse::<u64>().unwrap(), self.ran, "one EVALSHA each");
        assert!(!stats.contains("cmdstat_scan:"), "no scan over all keys");
        // A loaded machine holds a server up at any point; `speed` takes the best of many runs.
        let slow: Vec<Vec<Value>> =
            redis::cmd("SLOWLOG").arg("GET").arg("-1").query(&mut self.connection).unwrap();
        let micros = slow.iter().filter(|entry| format!("{entry:?}").contains("EVALSHA"));
        let worst = micros.map(|entry| u64::from_redis_value(entry[2].clone()).unwrap()).max();
        assert!(worst < Some(500_000), "a script of {worst:?} us");
    }
}

/// A node's subscription.
pub(super) struct Listener {
    connection: redis::Connection,
    channel: Vec<u8>,
}

impl Listener {
    /// All that was published since the last time.
    pub(super) fn heard(&mut self, shard: &mut Shard) -> Vec<Publication> {
        let publish = format!("{}PUBLISH", shard.pubsub);
        redis::cmd(&publish).arg(&self.channel).arg("end").exec(&mut shard.connection).unwrap();
        let mut heard = Vec::new();
        loop {
            let value = self.connection.recv_response().unwrap();
            let (_, _, payload): (String, Vec<u8>, Vec<u8>) = redis::from_redis_value(value).unwrap();
            if payload == b"end" {
                return heard;
            }
            heard.push(Publication::parse(payload.into()).unwrap());
        }
    }
}

//! The scripts: everything that a shard does, each in one step of the server.
//!
//! A command here names what one script is to do in one shard; [`reply`] reads what it answers. The Lua texts are in
//! `lua/`, put together from pieces. What must not live here: connections, order and repetition of commands, which
//! shard something belongs to.

use redis::Cmd;

use super::words::{Arrival, Dno, Gen, Mark, NodeId, Outgoing, RoomName, Settled, ShardNo, To, Txn};
use crate::domain::{BoundPolicy, QueueBounds, Seq};

pub(super) mod reply;
mod stacks;
#[cfg(test)]
mod tests;
mod texts;

use stacks::Stack;
use texts::{Script, Texts};

/// The scripts, and how they publish.
pub(super) struct Scripts {
    texts: Texts,
}

impl Scripts {
    /// `sharded_pubsub`: publish by SPUBLISH, as a Cluster wants it.
    pub(super) fn new(sharded_pubsub: bool) -> Self {
        Self { texts: Texts::new(sharded_pubsub) }
    }

    /// All texts, for SCRIPT LOAD on every new connection.
    pub(super) fn texts(&self) -> Vec<String> {
        self.texts.all().iter().map(|script| script.text.clone()).collect()
    }

    /// The node joins the shard; the first one makes it. Answered by its number there; error `MODEL <found>` where
    /// the shard was made as another model. Also goes through when memory is full, so that acks can go on.
    /// Numbers follow the server's clock, counted from `epoch_ms`, and never step back.
    pub(super) fn register(&self, p: &[u8], model: &str, lease_ms: u64, epoch_ms: u64) -> Cmd {
        let mut cmd = begin(&self.texts.register, p);
        cmd.arg(model).arg(lease_ms).arg(epoch_ms);
        cmd
    }

    /// Renews the lease and does a part of what is due: dead nodes, devices to expire, what was cut off. `ttl_ms` 0:
    /// devices never expire. `forgotten`: deserted rooms whose homes have forgotten this shard. Error `NOLEASE` where
    /// the node is not registered (any more).
    pub(super) fn tick(
        &self,
        p: &[u8],
        node: NodeId,
        lease_ms: u64,
        ttl_ms: u64,
        forgotten: &[RoomName],
    ) -> Cmd {
        let mut cmd = begin(&self.texts.tick, p);
        cmd.arg(node.0).arg(lease_ms).arg(ttl_ms);
        add_rooms(&mut cmd, forgotten);
        cmd
    }

    /// The clean end of a node: it counts as dead from now on.
    pub(super) fn resign(&self, p: &[u8], node: NodeId) -> Cmd {
        let mut cmd = begin(&self.texts.resign, p);
        cmd.arg(node.0);
        cmd
    }

    /// A device connects. Error `GONE` for a repetition whose device has expired meanwhile.
    pub(super) fn connect(&self, p: &[u8], node: NodeId, txn: Txn, arrival: &Arrival) -> Cmd {
        let mut cmd = begin(&self.texts.connect, p);
        cmd.arg(node.0).arg(txn.0).arg(arrival.generation.0);
        cmd.arg(&*arrival.primary.0).arg(&*arrival.device_id).arg(&arrival.record);
        cmd.arg(arrival.entries).arg(arrival.bytes);
        add_rooms(&mut cmd, &arrival.rooms);
        cmd
    }

    /// Ends exactly these ownerships of the node.
    pub(super) fn disconnect(
        &self,
        p: &[u8],
        node: NodeId,
        txn: Txn,
        ttl_ms: u64,
        ends: &[(Dno, Gen)],
    ) -> Cmd {
        let mut cmd = begin(&self.texts.disconnect, p);
        cmd.arg(node.0).arg(txn.0).arg(ttl_ms);
        add_pairs(&mut cmd, ends);
        cmd
    }

    /// Devices that were here before the node got its number become its own. Answered by those that are gone, or are
    /// not what they were: a shard that has lost data may have given their number to another device, or have
    /// forgotten their rooms.
    pub(super) fn adopt(&self, p: &[u8], node: NodeId, txn: Txn, held: &[(Dno, Gen, Mark)]) -> Cmd {
        let mut cmd = begin(&self.texts.adopt, p);
        cmd.arg(node.0).arg(txn.0);
        for (dno, generation, mark) in held {
            cmd.arg(dno.0).arg(generation.0).arg(format!("{:016x}", mark.who));
            cmd.arg(mark.record.map_or_else(|| "-".to_owned(), |record| format!("{record:016x}")));
        }
        cmd
    }

    /// Appends messages, and publishes them. An empty list only uses the number up, also when memory is full.
    pub(super) fn send(&self, p: &[u8], node: NodeId, txn: Txn, messages: &[Outgoing]) -> Cmd {
        let mut cmd = begin(&self.texts.send, p);
        cmd.arg(node.0).arg(txn.0).arg(messages.len());
        let mut bounds = None;
        for message in messages {
            if bounds.replace(message.bounds) != Some(message.bounds) {
                add_bounds(&mut cmd, message.bounds);
            }
            add_message(&mut cmd, message);
        }
        cmd
    }

    /// Takes entries out of inboxes.
    pub(super) fn ack(&self, p: &[u8], settled: &[Settled]) -> Cmd {
        let mut cmd = begin(&self.texts.ack, p);
        for stack in stacks::of(settled) {
            match stack {
                Stack::One(Settled::Entry(dno, seq)) => cmd.arg("e").arg(dno.0).arg(seq.0),
                Stack::One(Settled::EntryBehindBatch(dno, seq, batch)) => {
                    cmd.arg("b").arg(dno.0).arg(seq.0).arg(batch.0)
                }
                Stack::One(Settled::Through(dno, seq)) => cmd.arg("t").arg(dno.0).arg(seq.0),
                Stack::One(Settled::Resynced(dno, seq)) => cmd.arg("r").arg(dno.0).arg(seq.0),
                Stack::Entries(seq, dnos) => {
                    cmd.arg("E").arg(seq.0).arg(dnos.len());
                    dnos.iter().fold(&mut cmd, |cmd, dno| cmd.arg(dno.0))
                }
            };
        }
        cmd
    }

    /// Reads on in inboxes: behind which entry, and at most so many entries and bytes of each.
    pub(super) fn read(&self, p: &[u8], wanted: &[(Dno, Seq, usize, usize)]) -> Cmd {
        let mut cmd = begin(&self.texts.read, p);
        for (dno, after, entries, bytes) in wanted {
            cmd.arg(dno.0).arg(after.0).arg(*entries).arg(*bytes);
        }
        cmd
    }

    /// Run in the home shard of the rooms: shard `here` has, or is about to have, members of them.
    pub(super) fn enlist(&self, p: &[u8], here: ShardNo, rooms: &[RoomName]) -> Cmd {
        let mut cmd = begin(&self.texts.enlist, p);
        cmd.arg(here.0);
        add_rooms(&mut cmd, rooms);
        cmd
    }

    /// Run in the home shard of the rooms: forgets shard `gone`, unless it was enlisted within the last hour.
    pub(super) fn strike(&self, p: &[u8], gone: ShardNo, rooms: &[RoomName]) -> Cmd {
        let mut cmd = begin(&self.texts.strike, p);
        cmd.arg(gone.0);
        add_rooms(&mut cmd, rooms);
        cmd
    }

    /// Run in the home shard of the rooms: in which other shards each has members.
    pub(super) fn ask(&self, p: &[u8], rooms: &[RoomName]) -> Cmd {
        let mut cmd = begin(&self.texts.ask, p);
        add_rooms(&mut cmd, rooms);
        cmd
    }
}

/// The mark of a device, as the scripts make it.
pub(super) fn mark_of(primary: &RoomName, device_id: &str, record: &str) -> Mark {
    let who = [&*primary.0, &[0], device_id.as_bytes()].concat();
    Mark { who: digest(&String::from_utf8_lossy(&who)), record: Some(digest(record)) }
}

fn digest(text: &str) -> u64 {
    let sha1 = redis::Script::new(text);
    sha1.get_hash().get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

fn begin(script: &Script, p: &[u8]) -> Cmd {
    let mut cmd = redis::cmd("EVALSHA");
    cmd.arg(&script.sha1).arg(1).arg(p);
    cmd
}

fn add_rooms(cmd: &mut Cmd, rooms: &[RoomName]) {
    for room in rooms {
        cmd.arg(&*room.0);
    }
}

fn add_pairs(cmd: &mut Cmd, pairs: &[(Dno, Gen)]) {
    for (dno, generation) in pairs {
        cmd.arg(dno.0).arg(generation.0);
    }
}

fn add_bounds(cmd: &mut Cmd, bounds: QueueBounds) {
    let policy = match bounds.policy {
        BoundPolicy::Resync => "r",
        BoundPolicy::DropOldest => "d",
    };
    cmd.arg("B").arg(policy).arg(bounds.max_messages).arg(bounds.max_bytes);
}

fn add_message(cmd: &mut Cmd, message: &Outgoing) {
    let resync = if message.resync { "!" } else { "" };
    let body = message.event.json();
    match &message.to {
        To::Rooms(rooms) => {
            if let [(room, true)] = &rooms[..] {
                cmd.arg(if message.resync { "1!" } else { "1" }).arg(body).arg(&*room.0);
                return;
            }
            cmd.arg(format!("R{}{resync}", rooms.len())).arg(body);
            for (room, home) in rooms {
                cmd.arg(u8::from(*home)).arg(&*room.0);
            }
        }
        To::Devices(devices) => {
            cmd.arg(format!("D{}{resync}", devices.len())).arg(body);
            for dno in devices {
                cmd.arg(dno.0);
            }
        }
    }
}

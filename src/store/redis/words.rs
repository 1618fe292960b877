//! What is said between this node and the scripts: shards, places, orders and reports.

use bytes::Bytes;

use crate::domain::{DeviceNo, Event, QueueBounds, Room, Seq, SiteName};

/// How many low bits of a [`DeviceNo`] are the number of the device inside its shard.
const NO_BITS: u32 = 48;

/// One of the parts over which everything is spread. A device, its rooms and its inbox are in one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ShardNo(pub(super) u16);

impl ShardNo {
    /// The number by which the rest of the house knows device `dno` of this shard.
    pub(super) fn device(self, dno: Dno) -> DeviceNo {
        DeviceNo(u64::from(self.0) << NO_BITS | dno.0)
    }

    /// Where a device is, and its number there.
    pub(super) fn of_device(device: DeviceNo) -> (Self, Dno) {
        (Self((device.0 >> NO_BITS) as u16), Dno(device.0 & ((1 << NO_BITS) - 1)))
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The number of a device inside its shard. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Dno(pub(super) u64);

/// What a shard calls this process, for as long as its lease lasts. Never reused by that shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u64);

/// The number of a transaction of one node in one shard. Contiguous, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Txn(pub(super) u64);

/// Tells apart the connects of a node in a shard: only the newest one of a device may end its ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gen(pub(super) u64);

/// The name of a room among those of all sites: `site NUL room`. A site's name has no NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RoomName(pub(super) Box<[u8]>);

impl RoomName {
    pub(super) fn new(site: &SiteName, room: &str) -> Self {
        let parts = [site.as_str().as_bytes(), &[0], room.as_bytes()];
        Self(parts.concat().into())
    }

    pub(super) fn of(site: &SiteName, room: &Room) -> Self {
        Self::new(site, room.as_str())
    }
}

/// Who a message is for, in one shard.
#[derive(Debug, Clone)]
pub(super) enum To {
    /// The members of these rooms; `true` where the shard is the room's home: it then also tells in which other
    /// shards the room has members.
    Rooms(Vec<(RoomName, bool)>),
    /// These devices: a piece of a list that the shard gave.
    Devices(Vec<Dno>),
}

/// A message, as one shard gets it.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) to: To,
    pub(super) event: Event,
    pub(super) resync: bool,
    pub(super) bounds: QueueBounds,
}

/// What became of one message in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// It stands in its inboxes.
    Kept { devices: u32, online: u32, queued: u32, elsewhere: Vec<ShardNo> },
    /// It has more recipients than one script may serve: nothing was done. It has to come again for pieces of this list,
    /// before the messages behind it.
    TooMany { devices: Vec<Dno>, elsewhere: Vec<ShardNo> },
}

/// A device connects.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) generation: Gen,
    /// Its primary room.
    pub(super) primary: RoomName,
    pub(super) device_id: Box<str>,
    /// JSON array of strings: site, primary room, deviceId, then all rooms but the primary.
    pub(super) record: String,
    /// All rooms but the primary.
    pub(super) rooms: Vec<RoomName>,
    /// Bounds of the first page.
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// What a connect came to: the state of the device at one moment of its shard.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub(super) dno: Dno,
    /// Publications of the shard to this node up to that moment.
    pub(super) published: u64,
    pub(super) stretch: Stretch,
}

/// A stretch of an inbox.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    /// As `Page::through`.
    pub(super) through: Seq,
    pub(super) more: bool,
    /// The `_resync` that the device owes: cleared through here.
    pub(super) resync: Option<Seq>,
    pub(super) entries: Vec<(Seq, Bytes)>,
}

/// An acknowledgement inside a shard; as `store::Ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Entry(Dno, Seq),
    EntryBehindBatch(Dno, Seq, Seq),
    Through(Dno, Seq),
    Resynced(Dno, Seq),
}

/// What a tick reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TickReport {
    /// Publications of the shard to this node so far.
    pub(super) published: u64,
    /// There is more to sweep: come again at once.
    pub(super) more: bool,
    pub(super) tally: Tally,
    /// Entries that this tick has expired; they are in the tally.
    pub(super) expired: u64,
    /// Rooms that have had no members here for an hour: their homes may forget this shard.
    pub(super) deserted: Vec<RoomName>,
    /// The last transaction of this node that the shard knows of. Fewer than were carried out: it has lost data.
    pub(super) last: Txn,
}

/// What a shard has counted since it was made, over all nodes, and holds now. Entries, except for the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) acked: u64,
    pub(super) expired: u64,
    pub(super) resynced: u64,
    pub(super) dropped: u64,
    pub(super) devices: u64,
    pub(super) online: u64,
}

/// What a shard publishes to one node, in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publication {
    /// Its number: counts up from 1 per shard and node.
    pub(super) number: u64,
    pub(super) notes: Vec<Note>,
}

/// One note of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// A new entry. `devices` are those that this node owns: decimal numbers with commas, ascending.
    Entry { seq: Seq, devices: Bytes, event: Bytes },
    /// The inbox of a device was cleared up to and with `through`.
    Resync { dno: Dno, through: Seq },
}

/// What came from the server is not what the scripts make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} was expected from the server and did not come")]
pub(super) struct Garbled(pub(super) &'static str);

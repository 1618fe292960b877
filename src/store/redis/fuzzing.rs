//! What the fuzz targets may see of this room: what a shard publishes, and what its scripts answer.

use bytes::Bytes;
use redis::Value;

use super::scripts::reply;
use super::words::{Admitted, Note, Publication, Sent, ShardNo, Stretch};

/// A note of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// A new entry: its place, for whom it is, what it says.
    Entry(u64, Bytes, Bytes),
    /// The inbox of this device was cleared up to there.
    Resync(u64, u64),
}

/// The number of a publication, and its notes.
pub fn publication(payload: Bytes) -> Option<(u64, Vec<Noted>)> {
    let Publication { number, notes } = Publication::parse(payload).ok()?;
    let noted = |note| match note {
        Note::Entry { seq, devices, event } => Noted::Entry(seq.0, devices, event),
        Note::Resync { dno, through } => Noted::Resync(dno.0, through.0),
    };
    Some((number, notes.into_iter().map(noted).collect()))
}

/// A stretch of an inbox: through where, whether there is more, the `_resync` that is owed, the entries.
pub type Read = (u64, bool, Option<u64>, Vec<(u64, Bytes)>);

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Devices, those of them online, those it waits for; other shards.
    Kept([u32; 3], Vec<u16>),
    /// Devices; other shards.
    TooMany(Vec<u64>, Vec<u16>),
}

/// The answer of `register`.
pub fn register(value: Value) -> Option<u64> {
    Some(reply::register(value).ok()?.0)
}

/// The answer of `adopt`.
pub fn adopt(value: Value) -> Option<Vec<u64>> {
    Some(reply::adopt(value).ok()?.into_iter().map(|dno| dno.0).collect())
}

/// The answer of `read`.
pub fn read(value: Value) -> Option<Vec<Read>> {
    Some(reply::read(value).ok()?.into_iter().map(plain).collect())
}

/// The answer of `connect`: the device, publications so far, the beginning of its inbox.
pub fn connect(value: Value) -> Option<(u64, u64, Read)> {
    let Admitted { dno, published, stretch } = reply::connect(value).ok()?;
    Some((dno.0, published, plain(stretch)))
}

/// The answer of `send`.
pub fn send(value: Value) -> Option<Vec<Told>> {
    let shards = |shards: Vec<ShardNo>| shards.into_iter().map(|shard| shard.0).collect();
    let told = |sent| match sent {
        Sent::Kept { devices, online, queued, elsewhere } => {
            Told::Kept([devices, online, queued], shards(elsewhere))
        }
        Sent::TooMany { devices, elsewhere } => {
            Told::TooMany(devices.into_iter().map(|dno| dno.0).collect(), shards(elsewhere))
        }
    };
    Some(reply::send(value).ok()?.into_iter().map(told).collect())
}

/// The answer of `tick`: publications so far, how many rooms are deserted.
pub fn tick(value: Value) -> Option<(u64, usize)> {
    let report = reply::tick(value).ok()?;
    Some((report.published, report.deserted.len()))
}

fn plain(stretch: Stretch) -> Read {
    let Stretch { through, more, resync, entries } = stretch;
    let entries = entries.into_iter().map(|(seq, event)| (seq.0, event)).collect();
    (through.0, more, resync.map(|seq| seq.0), entries)
}

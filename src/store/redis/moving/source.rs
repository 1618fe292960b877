//! Moves out of Redis.

use std::collections::VecDeque;
use std::time::Duration;

use redis::Value;

use super::super::keys::UNFINISHED;
use super::super::words::{Dno, ShardNo};
use super::RedisPlace;
use super::inboxes::{Inboxes, Waiting};
use super::masters::refused;
use super::shards::{Shards, read};
use crate::domain::{DeviceKey, Event, Room, SiteName};
use crate::store::moving::{
    Census, MoveError, MovedDevice, MovedMessage, PIECE_BYTES, PIECE_DEVICES, Source,
};

/// The store on Redis, to be moved from.
pub struct RedisSource {
    shards: Shards,
    /// The last node of each shard, as found at the beginning.
    nodes: Vec<Option<u64>>,
    devices: Walk<VecDeque<Dno>>,
    messages: Walk<Reading>,
}

/// Goes through the shards one by one.
struct Walk<T> {
    left: VecDeque<ShardNo>,
    now: Option<(ShardNo, T)>,
}

/// The inboxes of one shard.
struct Reading {
    inboxes: Inboxes,
    /// Found, but without their bodies yet.
    found: VecDeque<Waiting>,
}

impl RedisSource {
    /// Connects, and sees that there is a store that nobody uses.
    ///
    /// # Errors
    /// [`MoveError::Refused`]: it cannot be reached, there is none, a gateway runs on it, or it is only a part of one.
    pub fn open(place: &RedisPlace) -> Result<Self, MoveError> {
        let shards = Shards::find(place)?;
        let there_is_one = is_store(&shards, place).map_err(|error| refused(&error))?;
        if !there_is_one {
            return Err(MoveError::Refused(format!(
                "there is no store with the prefix {} and {} shards: say which one is meant (--redis-prefix, --redis-shards)",
                place.prefix, place.shards
            )));
        }
        let nodes = unused(&shards).map_err(|error| refused(&error))?;
        let walk = || shards.all().collect::<VecDeque<_>>();
        let (devices, messages) = (Walk { left: walk(), now: None }, Walk { left: walk(), now: None });
        Ok(Self { shards, nodes, devices, messages })
    }

    /// The next devices of the shard at hand.
    fn piece(&mut self, shard: ShardNo, devices: &mut VecDeque<Dno>) -> Result<Vec<MovedDevice>, MoveError> {
        let count = devices.len().min(PIECE_DEVICES / 4);
        let piece: Vec<Dno> = devices.drain(..count).collect();
        let numbers: Vec<u64> = piece.iter().map(|dno| dno.0).collect();
        let shards = &self.shards;
        let records: Vec<_> = piece.iter().map(|dno| shards.key(shard, &format!("d:{}", dno.0))).collect();
        let mut commands = redis::pipe();
        commands.cmd("TIME");
        commands.cmd("MGET").arg(records);
        commands.cmd("HMGET").arg(shards.key(shard, "rs")).arg(&numbers);
        commands.cmd("ZMSCORE").arg(shards.key(shard, "exp")).arg(&numbers);
        let mut answers = shards.ask_all(shard, &commands)?.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let (seconds, micros): (u64, u64) = read(shard, next())?;
        let now = seconds * 1_000 + micros / 1_000;
        let records: Vec<Option<Vec<u8>>> = read(shard, next())?;
        let owed: Vec<Option<u64>> = read(shard, next())?;
        let ends: Vec<Option<f64>> = read(shard, next())?;
        let states = records.into_iter().zip(owed).zip(ends);
        let moved = piece.into_iter().zip(states).map(|(dno, ((record, owed), end))| {
            let (key, rooms) = record.as_deref().and_then(read_record).ok_or_else(|| {
                MoveError::at(shards.of(shard), format!("the record of device {} cannot be read", dno.0))
            })?;
            let left = end.map(|end| Duration::from_millis((end as u64).saturating_sub(now)));
            Ok(MovedDevice { no: shard.device(dno), key, rooms, owes_resync: owed.is_some(), left })
        });
        moved.collect()
    }

    /// The next messages of the shard at hand; none after its last.
    fn read(&mut self, shard: ShardNo, reading: &mut Reading) -> Result<Vec<MovedMessage>, MoveError> {
        while reading.found.is_empty() {
            match self.shards.next(shard, &mut reading.inboxes)? {
                Some(found) => reading.found.extend(found),
                None => return Ok(Vec::new()),
            }
        }
        let lengths = self.shards.lengths(shard, reading.found.iter())?;
        let mut bytes = 0;
        let fits = lengths.into_iter().take_while(|length| {
            let fits = bytes < PIECE_BYTES as u64;
            bytes += length;
            fits
        });
        let fits = fits.count();
        let bodies = self.shards.bodies(shard, reading.found.iter().take(fits))?;
        let moved = reading.found.drain(..fits).zip(bodies).map(|(waiting, body)| MovedMessage {
            event: Event::stored(body),
            resync: waiting.resync,
            devices: waiting.devices.into_iter().map(|dno| shard.device(dno)).collect(),
        });
        Ok(moved.collect())
    }
}

/// Reads `[site, primary room, deviceId, other rooms...]`.
fn read_record(record: &[u8]) -> Option<(DeviceKey, Vec<Room>)> {
    let parts: Vec<String> = serde_json::from_slice(record).ok()?;
    let [site, primary, device_id, others @ ..] = parts.as_slice() else { return None };
    let mut rooms: Vec<Room> = others.iter().chain([primary]).map(|room| Room::stored(room)).collect();
    rooms.sort_unstable();
    rooms.dedup();
    let key = DeviceKey {
        site: SiteName::new(site).ok()?,
        primary: primary.as_str().into(),
        device_id: device_id.as_str().into(),
    };
    Some((key, rooms))
}

/// Whether there is a store with these shards, or none; an error for anything in between.
fn is_store(shards: &Shards, place: &RedisPlace) -> Result<bool, MoveError> {
    let mut found = false;
    for (shard, model) in shards.all().zip(shards.models()?) {
        let Some(model) = model else { continue };
        if model.starts_with(UNFINISHED) {
            return Err(MoveError::Refused(format!(
                "a move into the store with the prefix {} did not come to its end: it is only a part of one",
                place.prefix
            )));
        }
        let expected = shards.keys().model(shard);
        if model != expected {
            return Err(MoveError::Refused(format!(
                "the store with the prefix {} was made with another number of shards, or by another version ({model}, which is \
                 version/shards/shard, and not {expected}): say how many shards it has (--redis-shards), or use the \
                 version that made it",
                place.prefix
            )));
        }
        found = true;
    }
    Ok(found)
}

/// Sees that no gateway has a lease. The last node of each shard.
fn unused(shards: &Shards) -> Result<Vec<Option<u64>>, MoveError> {
    let node = |shard| {
        let (seconds, micros): (u64, u64) = shards.ask(shard, &redis::cmd("TIME"))?;
        let now = seconds * 1_000 + micros / 1_000;
        let mut commands = redis::pipe();
        commands.cmd("ZCOUNT").arg(shards.key(shard, "lease")).arg(now).arg("+inf");
        commands.cmd("HGET").arg(shards.key(shard, "h")).arg("node");
        let mut answers = shards.ask_all(shard, &commands)?.into_iter();
        let live: u64 = read(shard, answers.next().unwrap_or(Value::Nil))?;
        if live > 0 {
            return Err(MoveError::Refused(format!(
                "a gateway runs on the store with the prefix {}: stop all of them first (one that was killed counts \
                 as running until its lease is over, 10 seconds unless set otherwise)",
                shards.prefix()
            )));
        }
        read(shard, answers.next().unwrap_or(Value::Nil))
    };
    shards.all().map(node).collect()
}

impl Source for RedisSource {
    fn census(&mut self) -> Result<Census, MoveError> {
        self.shards.census()
    }

    fn devices(&mut self) -> Result<Vec<MovedDevice>, MoveError> {
        loop {
            let (shard, mut devices) = match self.devices.now.take() {
                Some(now) => now,
                None => match self.devices.left.pop_front() {
                    Some(shard) => (shard, self.shards.devices(shard)?),
                    None => return Ok(Vec::new()),
                },
            };
            if devices.is_empty() {
                continue;
            }
            let piece = self.piece(shard, &mut devices)?;
            self.devices.now = Some((shard, devices));
            return Ok(piece);
        }
    }

    fn messages(&mut self) -> Result<Vec<MovedMessage>, MoveError> {
        loop {
            let (shard, mut reading) = match self.messages.now.take() {
                Some(now) => now,
                None => match self.messages.left.pop_front() {
                    Some(shard) => {
                        let mut devices = self.shards.devices(shard)?;
                        let inboxes = Inboxes::of(devices.make_contiguous());
                        (shard, Reading { inboxes, found: VecDeque::new() })
                    }
                    None => return Ok(Vec::new()),
                },
            };
            let piece = self.read(shard, &mut reading)?;
            if !piece.is_empty() {
                self.messages.now = Some((shard, reading));
                return Ok(piece);
            }
        }
    }

    fn unchanged(&mut self) -> Result<(), MoveError> {
        let used = || MoveError::Failed("a gateway was started on the source meanwhile".to_owned());
        let nodes = unused(&self.shards).map_err(|_| used())?;
        if nodes == self.nodes { Ok(()) } else { Err(used()) }
    }
}

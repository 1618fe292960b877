//! Moves into Redis.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use redis::Value;

use super::super::keys::{NODE_EPOCH_MS, UNFINISHED};
use super::super::scripts::{Scripts, reply};
use super::super::words::{Arrival, Dno, Gen, NodeId, Outgoing, RoomName, Sent, ShardNo, To, Txn};
use super::RedisPlace;
use super::masters::refused;
use super::shards::Shards;
use crate::domain::{BoundPolicy, DeviceNo, QueueBounds};
use crate::store::moving::{Census, MoveError, MovedDevice, MovedMessage, Target};

/// Nobody else can register while the shards are unfinished, so nobody takes this node for dead.
const LEASE_MS: u64 = 3_600_000;

/// What one script may be given: recipients, messages, bytes.
const RECIPIENTS: usize = 256;
const MESSAGES: usize = 64;
const BYTES: usize = 256 << 10;

/// What was within the bounds of the source stays, whatever the bounds are today.
const NO_BOUNDS: QueueBounds =
    QueueBounds { max_messages: u32::MAX, max_bytes: 1 << 52, policy: BoundPolicy::DropOldest };

/// A resync that a device owes is for everything up to here: less than any number that a shard gives.
const CLEARED: u64 = 1;

/// The store on Redis, to be moved to.
pub struct RedisTarget {
    shards: Shards,
    scripts: Scripts,
    /// By shard.
    lanes: Vec<Lane>,
    /// Where the devices of the source are.
    devices: HashMap<DeviceNo, (ShardNo, Dno)>,
    /// Which rooms are known in their home to have members in a shard.
    enlisted: HashSet<(ShardNo, RoomName)>,
    bodies: u64,
}

/// Who this process is to a shard.
struct Lane {
    node: NodeId,
    txn: Txn,
    generation: Gen,
}

impl Lane {
    fn next_txn(&mut self) -> Txn {
        self.txn = Txn(self.txn.0 + 1);
        self.txn
    }

    fn next_generation(&mut self) -> Gen {
        self.generation = Gen(self.generation.0 + 1);
        self.generation
    }
}

/// Devices of a shard that are remembered for equally long.
type Leaving = BTreeMap<u64, Vec<(Dno, Gen)>>;

impl RedisTarget {
    /// Connects, sees that there is nothing with the prefix, and begins a store.
    ///
    /// # Errors
    /// [`MoveError::Refused`]: it cannot be reached, or there is something.
    pub fn open(place: &RedisPlace) -> Result<Self, MoveError> {
        let shards = Shards::find(place)?;
        empty(&shards).map_err(|error| refused(&error))?;
        let scripts = Scripts::new(false);
        let mut loading = redis::pipe();
        for text in scripts.texts() {
            loading.cmd("SCRIPT").arg("LOAD").arg(text);
        }
        shards.ask_everybody(&loading).map_err(|error| refused(&error))?;
        let (devices, enlisted) = (HashMap::new(), HashSet::new());
        let mut target = Self { shards, scripts, lanes: Vec::new(), devices, enlisted, bodies: 0 };
        target.register().map_err(|error| {
            MoveError::Failed(format!("{error}; before the next try, {}", target.cleaning()))
        })?;
        Ok(target)
    }

    /// Makes all shards, unfinished.
    fn register(&mut self) -> Result<(), MoveError> {
        for shard in self.shards.all() {
            let model = format!("{UNFINISHED}{}", self.shards.keys().model(shard));
            let command =
                self.scripts.register(self.shards.keys().prefix(shard), &model, LEASE_MS, NODE_EPOCH_MS);
            let node = reply::register(self.shards.ask(shard, &command)?);
            let node = node.map_err(|error| MoveError::at(self.shards.of(shard), error))?;
            self.lanes.push(Lane { node, txn: Txn(0), generation: Gen(0) });
        }
        Ok(())
    }

    fn lane(&mut self, shard: ShardNo) -> Result<&mut Lane, MoveError> {
        self.lanes.get_mut(shard.index()).ok_or_else(|| MoveError::at("shard", shard.0))
    }

    /// Tells the homes of all rooms which shards have members of them.
    fn enlist(&mut self, arriving: &BTreeMap<ShardNo, Vec<MovedDevice>>) -> Result<(), MoveError> {
        let mut new: BTreeMap<(ShardNo, ShardNo), Vec<RoomName>> = BTreeMap::new();
        for (shard, devices) in arriving {
            let rooms = devices.iter().flat_map(others);
            for room in rooms {
                let home = self.shards.keys().home(&room);
                if home != *shard && self.enlisted.insert((*shard, room.clone())) {
                    new.entry((home, *shard)).or_default().push(room);
                }
            }
        }
        for ((home, here), rooms) in new {
            let mut commands = redis::pipe();
            for rooms in rooms.chunks(RECIPIENTS) {
                commands.add_command(self.scripts.enlist(self.shards.keys().prefix(home), here, rooms));
            }
            self.shards.ask_all(home, &commands)?;
        }
        Ok(())
    }

    /// Each device comes, owes what it owed, and goes.
    fn arrive(&mut self, shard: ShardNo, devices: Vec<MovedDevice>) -> Result<(), MoveError> {
        let mut commands = redis::pipe();
        let mut generations = Vec::with_capacity(devices.len());
        for device in &devices {
            let lane = self.lane(shard)?;
            let (node, txn, generation) = (lane.node, lane.next_txn(), lane.next_generation());
            let arrival = arrival(device, generation);
            let prefix = self.shards.keys().prefix(shard);
            commands.add_command(self.scripts.connect(prefix, node, txn, &arrival));
            generations.push(generation);
        }
        let answers = self.shards.ask_all(shard, &commands)?;
        let (mut leaving, mut owing) = (Leaving::new(), Vec::new());
        for ((device, generation), answer) in devices.into_iter().zip(generations).zip(answers) {
            let admitted =
                reply::connect(answer).map_err(|error| MoveError::at(self.shards.of(shard), error))?;
            let dno = admitted.dno;
            if device.owes_resync {
                owing.push((dno.0, CLEARED));
            }
            leaving.entry(ttl_ms(device.left)).or_default().push((dno, generation));
            self.devices.insert(device.no, (shard, dno));
        }
        self.leave(shard, leaving, &owing)
    }

    fn leave(&mut self, shard: ShardNo, leaving: Leaving, owing: &[(u64, u64)]) -> Result<(), MoveError> {
        let mut commands = redis::pipe();
        for (ttl_ms, pairs) in leaving {
            for pairs in pairs.chunks(RECIPIENTS) {
                let lane = self.lane(shard)?;
                let (node, txn) = (lane.node, lane.next_txn());
                let prefix = self.shards.keys().prefix(shard);
                commands.add_command(self.scripts.disconnect(prefix, node, txn, ttl_ms, pairs));
            }
        }
        if !owing.is_empty() {
            commands.cmd("HSET").arg(self.shards.key(shard, "rs")).arg(owing);
        }
        self.shards.ask_all(shard, &commands).map(drop)
    }

    /// What a message comes to in each shard: pieces that one script can serve.
    fn pieces(&self, message: MovedMessage) -> Result<Vec<(ShardNo, Outgoing)>, MoveError> {
        let MovedMessage { event, resync, devices } = message;
        let mut by_shard: BTreeMap<ShardNo, Vec<Dno>> = BTreeMap::new();
        for no in devices {
            let unknown = || MoveError::Failed(format!("there is no device {} to send to", no.0));
            let (shard, dno) = self.devices.get(&no).ok_or_else(unknown)?;
            by_shard.entry(*shard).or_default().push(*dno);
        }
        let mut pieces = Vec::new();
        for (shard, dnos) in by_shard {
            for dnos in dnos.chunks(RECIPIENTS) {
                let to = To::Devices(dnos.to_vec());
                pieces.push((shard, Outgoing { to, event: event.clone(), resync, bounds: NO_BOUNDS }));
            }
        }
        Ok(pieces)
    }

    /// Sends messages to one shard, in order.
    fn send(&mut self, shard: ShardNo, messages: Vec<Outgoing>) -> Result<(), MoveError> {
        let batches = batches(messages);
        let mut commands = redis::pipe();
        for batch in &batches {
            let lane = self.lane(shard)?;
            let (node, txn) = (lane.node, lane.next_txn());
            commands.add_command(self.scripts.send(self.shards.keys().prefix(shard), node, txn, batch));
        }
        let answers = self.shards.ask_all(shard, &commands)?;
        for (batch, answer) in batches.iter().zip(answers) {
            let sent = reply::send(answer).map_err(|error| MoveError::at(self.shards.of(shard), error))?;
            let kept = |(outgoing, sent): (&Outgoing, &Sent)| match sent {
                Sent::Kept { queued, .. } => *queued as usize == recipients(outgoing),
                Sent::TooMany { .. } => false,
            };
            if sent.len() != batch.len() || !batch.iter().zip(&sent).all(kept) {
                let text = format!("not every inbox took a message: {sent:?}");
                return Err(MoveError::at(self.shards.of(shard), text));
            }
            self.bodies += sent.len() as u64;
        }
        Ok(())
    }
}

/// Messages in groups that one script can serve.
fn batches(messages: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    let (mut to, mut bytes) = (0, 0);
    for message in messages {
        let (more_to, more_bytes) = (recipients(&message), message.event.json().len());
        match batches.last_mut() {
            Some(batch)
                if batch.len() < MESSAGES && to + more_to <= RECIPIENTS && bytes + more_bytes <= BYTES =>
            {
                batch.push(message);
                (to, bytes) = (to + more_to, bytes + more_bytes);
            }
            _ => {
                batches.push(vec![message]);
                (to, bytes) = (more_to, more_bytes);
            }
        }
    }
    batches
}

fn recipients(message: &Outgoing) -> usize {
    match &message.to {
        To::Devices(devices) => devices.len(),
        To::Rooms(_) => 0,
    }
}

/// For how long a script is to remember a device that is away; 0 is for ever.
fn ttl_ms(left: Option<Duration>) -> u64 {
    left.map_or(0, |left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1))
}

/// Its rooms but the primary.
fn others(device: &MovedDevice) -> impl Iterator<Item = RoomName> {
    let rooms = device.rooms.iter().filter(|room| room.as_str() != &*device.key.primary);
    rooms.map(|room| RoomName::of(&device.key.site, room))
}

fn arrival(device: &MovedDevice, generation: Gen) -> Arrival {
    let MovedDevice { key, rooms, .. } = device;
    let others_of = rooms.iter().map(crate::domain::Room::as_str).filter(|room| *room != &*key.primary);
    let record: Vec<&str> =
        [key.site.as_str(), &key.primary, &key.device_id].into_iter().chain(others_of).collect();
    Arrival {
        generation,
        primary: RoomName::new(&key.site, &key.primary),
        device_id: key.device_id.clone(),
        record: serde_json::Value::from(record).to_string(),
        rooms: others(device).collect(),
        entries: 1,
        bytes: 1,
    }
}

/// Refuses where there is anything with the prefix.
fn empty(shards: &Shards) -> Result<(), MoveError> {
    let models = shards.models()?;
    let unfinished = models.iter().flatten().any(|model| model.starts_with(UNFINISHED));
    let there = match shards.any_key()? {
        None => return Ok(()),
        Some(_) if unfinished => "an earlier move to it did not come to its end".to_owned(),
        Some(key) => format!("it is not empty (there is the key {key})"),
    };
    Err(MoveError::Refused(format!(
        "the store with the prefix {}: {there}; choose another prefix (--redis-prefix), or {}",
        shards.prefix(),
        cleaning(shards)
    )))
}

/// Keys may hold what a shell cannot carry, so the server has to delete them itself.
fn cleaning(shards: &Shards) -> String {
    format!(
        "delete what is there, while no gateway runs on it: say to redis-cli (in a Cluster: to that of each master)\n  EVAL \"local c = '0' repeat \
         local r = redis.call('SCAN', c, 'MATCH', ARGV[1], 'COUNT', 1000) c = r[1] for _, k in ipairs(r[2]) do \
         redis.call('UNLINK', k) end until c == '0'\" 0 \"{}{{*\"",
        shards.prefix()
    )
}

impl Target for RedisTarget {
    fn devices(&mut self, devices: Vec<MovedDevice>) -> Result<(), MoveError> {
        let mut arriving: BTreeMap<ShardNo, Vec<MovedDevice>> = BTreeMap::new();
        for device in devices {
            let primary = RoomName::new(&device.key.site, &device.key.primary);
            arriving.entry(self.shards.keys().home(&primary)).or_default().push(device);
        }
        self.enlist(&arriving)?;
        arriving.into_iter().try_for_each(|(shard, devices)| self.arrive(shard, devices))
    }

    fn messages(&mut self, messages: Vec<MovedMessage>) -> Result<(), MoveError> {
        let mut by_shard: BTreeMap<ShardNo, Vec<Outgoing>> = BTreeMap::new();
        for message in messages {
            for (shard, outgoing) in self.pieces(message)? {
                by_shard.entry(shard).or_default().push(outgoing);
            }
        }
        by_shard.into_iter().try_for_each(|(shard, messages)| self.send(shard, messages))
    }

    fn settle(&mut self) -> Result<u64, MoveError> {
        Ok(self.bodies)
    }

    fn census(&mut self) -> Result<Census, MoveError> {
        self.shards.census()
    }

    fn finish(&mut self) -> Result<(), MoveError> {
        for (shard, lane) in self.shards.all().zip(&self.lanes) {
            let mut commands = redis::pipe();
            commands.add_command(self.scripts.resign(self.shards.keys().prefix(shard), lane.node));
            commands
                .cmd("HSET")
                .arg(self.shards.key(shard, "h"))
                .arg("model")
                .arg(self.shards.keys().model(shard));
            let _: Vec<Value> = self.shards.ask_all(shard, &commands)?;
        }
        Ok(())
    }

    fn cleaning(&self) -> String {
        cleaning(&self.shards)
    }
}

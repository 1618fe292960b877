//! What both ends ask of the shards.

use std::collections::VecDeque;

use bytes::Bytes;
use redis::{Cmd, FromRedisValue, Pipeline, Value};
use tokio::runtime::Runtime;

use super::super::keys::Keys;
use super::super::words::{Dno, ShardNo};
use super::RedisPlace;
use super::inboxes::{Inboxes, PAGE, Ref, Waiting};
use super::masters::{Master, Masters, refused};
use crate::store::moving::{Census, MoveError};

/// Devices, or messages, that are asked for at once.
const AT_ONCE: usize = 256;

/// All shards of a store.
pub(super) struct Shards {
    runtime: Runtime,
    masters: Masters,
    keys: Keys,
    prefix: String,
}

impl Shards {
    pub(super) fn find(place: &RedisPlace) -> Result<Self, MoveError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| MoveError::Refused(error.to_string()))?;
        let masters = runtime.block_on(Masters::find(place))?;
        let keys = Keys::new(&place.prefix, place.shards);
        Ok(Self { runtime, masters, keys, prefix: place.prefix.clone() })
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = ShardNo> + use<> {
        (0..self.keys.count()).map(ShardNo)
    }

    /// The name of a key.
    pub(super) fn key(&self, shard: ShardNo, rest: &str) -> Vec<u8> {
        [self.keys.prefix(shard), rest.as_bytes()].concat()
    }

    fn master(&self, shard: ShardNo) -> Result<&Master, MoveError> {
        self.masters.of(self.keys.prefix(shard))
    }

    /// Asks one thing of a shard.
    pub(super) fn ask<T: FromRedisValue>(&self, shard: ShardNo, command: &Cmd) -> Result<T, MoveError> {
        self.runtime.block_on(self.master(shard)?.ask(command))
    }

    /// Asks several things of a shard.
    pub(super) fn ask_all(&self, shard: ShardNo, commands: &Pipeline) -> Result<Vec<Value>, MoveError> {
        self.runtime.block_on(self.master(shard)?.ask_all(commands))
    }

    /// Asks the same of every server.
    pub(super) fn ask_everybody(&self, commands: &Pipeline) -> Result<(), MoveError> {
        self.masters.iter().try_for_each(|master| self.runtime.block_on(master.ask_all(commands)).map(drop))
    }

    /// The models that the heads of the shards name; none where there is no head.
    pub(super) fn models(&self) -> Result<Vec<Option<String>>, MoveError> {
        let model = |shard| self.ask(shard, redis::cmd("HGET").arg(self.key(shard, "h")).arg("model"));
        self.all().map(model).collect()
    }

    /// A key of this prefix, if there is one; of whatever shard. Looks through everything that the servers hold.
    pub(super) fn any_key(&self) -> Result<Option<String>, MoveError> {
        let pattern = format!("{}{{*", self.prefix);
        for master in self.masters.iter() {
            let mut cursor = "0".to_owned();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(10_000);
                let (next, keys): (String, Vec<Vec<u8>>) =
                    self.runtime.block_on(master.ask(&scan)).map_err(|error| refused(&error))?;
                if let Some(key) = keys.first() {
                    return Ok(Some(String::from_utf8_lossy(key).replace('\0', " ")));
                }
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
        }
        Ok(None)
    }

    /// The devices of a shard, in the order in which they came.
    pub(super) fn devices(&self, shard: ShardNo) -> Result<VecDeque<Dno>, MoveError> {
        let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(self.key(shard, "s")).arg(&cursor).arg("COUNT").arg(1_000);
            let (next, fields): (String, Vec<(u64, Vec<u8>)>) = self.ask(shard, &scan)?;
            found.extend(fields.into_iter().map(|(dno, _)| Dno(dno)));
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        // A scan may show a field twice.
        found.sort_unstable();
        found.dedup();
        Ok(found.into())
    }

    /// The next messages of a shard's inboxes; `None` after the last.
    pub(super) fn next(
        &self,
        shard: ShardNo,
        inboxes: &mut Inboxes,
    ) -> Result<Option<Vec<Waiting>>, MoveError> {
        for wanted in inboxes.wanted().chunks(AT_ONCE) {
            let mut commands = redis::pipe();
            for (dno, skip) in wanted {
                let key = self.key(shard, &format!("q:{}", dno.0));
                commands.cmd("LRANGE").arg(key).arg(*skip).arg(skip + PAGE - 1);
            }
            let answers = self.ask_all(shard, &commands)?;
            let mut pages = Vec::with_capacity(wanted.len());
            for ((dno, _), answer) in wanted.iter().zip(answers) {
                let refs: Vec<Vec<u8>> = read(shard, answer)?;
                let refs: Option<Vec<Ref>> = refs.iter().map(|text| Ref::parse(text)).collect();
                let wrong =
                    || MoveError::at(self.of(shard), format!("the inbox of device {} cannot be read", dno.0));
                pages.push((*dno, refs.ok_or_else(wrong)?));
            }
            inboxes.take(pages);
        }
        Ok(inboxes.next())
    }

    /// How long the bodies of messages are; at most [`AT_ONCE`] of them.
    pub(super) fn lengths<'w>(
        &self,
        shard: ShardNo,
        messages: impl Iterator<Item = &'w Waiting>,
    ) -> Result<Vec<u64>, MoveError> {
        let messages: Vec<_> = messages.take(AT_ONCE).collect();
        let mut commands = redis::pipe();
        for message in &messages {
            commands.cmd("STRLEN").arg(self.key(shard, &format!("m:{}", message.seq.0)));
        }
        let answers = self.ask_all(shard, &commands)?;
        let lengths = messages.iter().zip(answers).map(|(message, answer)| match read(shard, answer)? {
            0 => Err(MoveError::at(self.of(shard), format!("message {} has no body", message.seq.0))),
            length => Ok(length),
        });
        lengths.collect()
    }

    /// The bodies of messages.
    pub(super) fn bodies<'w>(
        &self,
        shard: ShardNo,
        messages: impl Iterator<Item = &'w Waiting>,
    ) -> Result<Vec<Bytes>, MoveError> {
        let mut commands = redis::pipe();
        for message in messages {
            commands.cmd("GET").arg(self.key(shard, &format!("m:{}", message.seq.0)));
        }
        let answers = self.ask_all(shard, &commands)?;
        answers.into_iter().map(|answer| read::<Vec<u8>>(shard, answer).map(Bytes::from)).collect()
    }

    /// Counts everything.
    pub(super) fn census(&self) -> Result<Census, MoveError> {
        let mut census = Census::default();
        for shard in self.all() {
            let mut devices = self.devices(shard)?;
            let devices = devices.make_contiguous();
            census.devices += devices.len() as u64;
            for devices in devices.chunks(AT_ONCE) {
                let mut owed = redis::cmd("HMGET");
                owed.arg(self.key(shard, "rs")).arg(devices.iter().map(|dno| dno.0).collect::<Vec<_>>());
                let owed: Vec<Option<u64>> = self.ask(shard, &owed)?;
                census.resyncs += owed.into_iter().flatten().count() as u64;
            }
            let mut inboxes = Inboxes::of(devices);
            while let Some(messages) = self.next(shard, &mut inboxes)? {
                self.count(shard, &messages, &mut census)?;
            }
        }
        Ok(census)
    }

    fn count(&self, shard: ShardNo, messages: &[Waiting], census: &mut Census) -> Result<(), MoveError> {
        for messages in messages.chunks(AT_ONCE) {
            let lengths = self.lengths(shard, messages.iter())?;
            for (message, length) in messages.iter().zip(lengths) {
                let entries = message.devices.len() as u64;
                census.messages += 1;
                census.entries += entries;
                census.bytes += entries * length;
            }
        }
        Ok(())
    }

    /// For texts.
    pub(super) fn of(&self, shard: ShardNo) -> String {
        format!("{} shard {}", self.prefix, shard.0)
    }
}

/// An answer as what it should be.
pub(super) fn read<T: FromRedisValue>(shard: ShardNo, answer: Value) -> Result<T, MoveError> {
    redis::from_redis_value(answer).map_err(|error| MoveError::at(format!("shard {}", shard.0), error))
}

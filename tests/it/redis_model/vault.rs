//! A look into Redis itself, past all proxies.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use postroom::domain::DeviceNo;

use super::node::PREFIX;
use super::plan::{SHARDS, SHARED};
use crate::support::redis::RedisServer;

/// A look into Redis.
pub(super) struct Vault {
    url: String,
    connection: Option<redis::Connection>,
    /// Prefixes of the shards, in their order.
    shards: Vec<String>,
}

/// The numbers of all shards added up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) accepted: u64,
    pub(super) ended: u64,
    pub(super) waiting: u64,
    pub(super) devices: u64,
    pub(super) online: u64,
    pub(super) counted_online: u64,
}

impl Vault {
    pub(super) fn new(server: &RedisServer) -> Self {
        Self { url: server.url(), connection: None, shards: Vec::new() }
    }

    /// Many commands at once; `None` when Redis is not there.
    fn ask(&mut self, commands: &[Vec<String>]) -> Option<Vec<redis::Value>> {
        if self.connection.is_none() {
            let client = redis::Client::open(self.url.as_str()).unwrap();
            let connection = client.get_connection_with_timeout(Duration::from_millis(200)).ok()?;
            connection.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            self.connection = Some(connection);
        }
        let mut pipeline = redis::pipe();
        for command in commands {
            pipeline.cmd(&command[0]).arg(&command[1..]);
        }
        let answer = pipeline.query(self.connection.as_mut()?);
        if answer.is_err() {
            self.connection = None;
        }
        answer.ok()
    }

    fn ask_as<T: redis::FromRedisValue>(&mut self, commands: &[Vec<String>]) -> Option<Vec<T>> {
        let answers = self.ask(commands)?;
        answers.into_iter().map(|answer| redis::from_redis_value(answer).ok()).collect()
    }

    fn one<T: redis::FromRedisValue>(&mut self, command: &[&str]) -> Option<T> {
        self.ask_as(&[words(command)])?.pop()
    }

    /// Finds out which prefix is that of which shard.
    fn shards(&mut self) -> Option<Vec<String>> {
        if self.shards.is_empty() {
            let mut shards = vec![String::new(); usize::from(SHARDS)];
            for head in self.one::<Vec<String>>(&["KEYS", &format!("{PREFIX}{{*}}:h")])? {
                let model: String = self.one(&["HGET", &head, "model"])?;
                let number: usize = model.rsplit('/').next()?.parse().ok()?;
                head.trim_end_matches('h').clone_into(&mut shards[number]);
            }
            if shards.iter().any(String::is_empty) {
                return None;
            }
            self.shards = shards;
        }
        Some(self.shards.clone())
    }

    /// What stands in the inboxes of these devices.
    pub(super) fn inboxes(&mut self, devices: &[DeviceNo]) -> Option<Vec<HashSet<u64>>> {
        let shards = self.shards()?;
        let inbox = |device: &DeviceNo| {
            let (shard, dno) = (device.0 >> 48, device.0 & ((1 << 48) - 1));
            words(&["LRANGE", &format!("{}q:{dno}", shards[shard as usize]), "0", "-1"])
        };
        let commands: Vec<_> = devices.iter().map(inbox).collect();
        let inboxes: Vec<Vec<String>> = self.ask_as(&commands)?;
        Some(inboxes.iter().map(|refs| refs.iter().map(|one| seq_of(one)).collect()).collect())
    }

    /// In each shard the lease of one of the nodes ends, though nothing has happened to it.
    pub(super) fn end_leases(&mut self, which: usize) -> Option<()> {
        for shard in self.shards()? {
            let lease = format!("{shard}lease");
            let nodes: Vec<String> = self.one(&["ZRANGE", &lease, "0", "-1"])?;
            if !nodes.is_empty() {
                self.one::<u64>(&["ZADD", &lease, "0", &nodes[which % nodes.len()]])?;
            }
        }
        Some(())
    }

    pub(super) fn sums(&mut self) -> Option<Sums> {
        let mut sums = Sums::default();
        for shard in self.shards()? {
            let head: HashMap<String, String> = self.one(&["HGETALL", &format!("{shard}h")])?;
            let field = |name: &str| head.get(name).map_or(0, |value| value.parse::<u64>().unwrap());
            sums.accepted += field("acc");
            sums.ended += ["ack", "exp", "rsy", "drp"].map(field).iter().sum::<u64>();
            sums.counted_online += field("on");
            for inbox in self.one::<Vec<String>>(&["KEYS", &format!("{shard}q:*")])? {
                sums.waiting += self.one::<u64>(&["LLEN", &inbox])?;
            }
            let owners: HashMap<String, String> = self.one(&["HGETALL", &format!("{shard}s")])?;
            sums.devices += owners.len() as u64;
            sums.online += owners.values().filter(|owners| !owners.is_empty()).count() as u64;
        }
        Some(sums)
    }

    /// What is there besides what stays for ever, while one node is registered; with what is wrong about it.
    pub(super) fn leftovers(&mut self) -> Vec<String> {
        self.look_for_leftovers().unwrap_or_else(|| vec!["Redis does not answer".into()])
    }

    fn look_for_leftovers(&mut self) -> Option<Vec<String>> {
        let (shards, mut left) = (self.shards()?, Vec::new());
        let all: Vec<String> = self.one(&["KEYS", "*"])?;
        for key in &all {
            let Some(shard) = shards.iter().find(|shard| key.starts_with(*shard)) else {
                left.push(format!("{key} is of no shard"));
                continue;
            };
            let name = &key[shard.len()..];
            left.extend(match name {
                "h" => self.look_at_head(key)?,
                "lease" => self.look_at_lease(key)?,
                "xg" => self
                    .one::<Vec<String>>(&["ZRANGE", key, "0", "-1"])?
                    .into_iter()
                    .filter(|room| !is_ours(room))
                    .collect(),
                _ if name.strip_prefix("x:").is_some_and(is_ours) => {
                    let listed: Vec<u16> = self.one(&["ZRANGE", key, "0", "-1"])?;
                    listed
                        .into_iter()
                        .filter(|shard| *shard >= SHARDS)
                        .map(|shard| format!("{key} {shard}"))
                        .collect()
                }
                _ => vec![key.clone()],
            });
        }
        Some(left)
    }

    fn look_at_head(&mut self, key: &str) -> Option<Vec<String>> {
        let head: HashMap<String, String> = self.one(&["HGETALL", key])?;
        let of_nodes = |kind: &str| head.keys().filter(|field| field.starts_with(kind)).count();
        let mut left = Vec::new();
        for kind in ["hi:", "pub:", "res:"] {
            if of_nodes(kind) > 1 {
                left.push(format!("{key}: {} fields {kind}", of_nodes(kind)));
            }
        }
        let field = |name: &str| head.get(name).map_or(0, |value| value.parse::<i64>().unwrap());
        let queued = field("acc") - field("ack") - field("exp") - field("rsy") - field("drp");
        if queued != 0 || field("on") != 0 {
            left.push(format!("{key}: {queued} entries queued, {} devices online", field("on")));
        }
        Some(left)
    }

    fn look_at_lease(&mut self, key: &str) -> Option<Vec<String>> {
        let nodes: Vec<String> = self.one(&["ZRANGE", key, "0", "-1"])?;
        Some(if nodes.len() > 1 { vec![format!("{key}: {nodes:?}")] } else { Vec::new() })
    }
}

fn is_ours(room: &str) -> bool {
    let name = room.strip_prefix("demo\0");
    name.is_some_and(|name| name == "user_4" || name.starts_with("passage_") || SHARED.contains(&name))
}

fn seq_of(one: &str) -> u64 {
    one.trim_start_matches(['-', 'r', 'R']).parse().unwrap()
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

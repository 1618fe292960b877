//! What a move leaves in Redis hangs together as if gateways had made it.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Commands as _, Connection};

use super::desk::*;
use crate::support::redis::RedisServer;

type Names = BTreeSet<String>;

/// One shard.
struct Shard<'c> {
    redis: &'c mut Connection,
    prefix: String,
}

impl Shard<'_> {
    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    /// The names behind `kind:`.
    fn names(&mut self, kind: &str) -> Names {
        let prefix = self.key(&format!("{kind}:"));
        let keys: Vec<String> = self.redis.keys(format!("{prefix}*")).unwrap();
        keys.into_iter().map(|key| key[prefix.len()..].to_owned()).collect()
    }

    fn table(&mut self, rest: &str) -> BTreeMap<String, String> {
        self.redis.hgetall(self.key(rest)).unwrap()
    }

    /// Bodies, references and counters; how many entries wait.
    fn inboxes(&mut self) -> u64 {
        let mut counts = BTreeMap::<String, (u64, bool)>::new();
        for dno in self.names("q") {
            let refs: Vec<String> = self.redis.lrange(self.key(&format!("q:{dno}")), 0, -1).unwrap();
            for item in refs {
                let seq = item.trim_start_matches(['-', 'r', 'R']).to_owned();
                counts.entry(seq).or_insert((0, item.starts_with(['-', 'R']))).0 += 1;
            }
        }
        assert_eq!(counts.keys().cloned().collect::<Names>(), self.names("m"));
        let shared = counts.iter().filter(|(_, (_, shared))| *shared);
        let shared: BTreeMap<_, _> =
            shared.map(|(seq, (count, _))| (seq.clone(), count.to_string())).collect();
        assert_eq!(self.table("refs"), shared);
        counts.values().map(|(count, _)| count).sum()
    }

    /// Devices, their rooms and how long they are remembered. How many there are.
    fn devices(&mut self, members: &mut BTreeMap<String, Names>) -> u64 {
        let (owners, mut directory) = (self.table("s"), BTreeSet::new());
        assert!(owners.values().all(String::is_empty), "all are away");
        for room in self.names("u") {
            for (id, dno) in self.table(&format!("u:{room}")) {
                directory.insert((room.clone(), id, dno));
            }
        }
        let mut rooms = BTreeMap::<String, Names>::new();
        for dno in owners.keys() {
            let record: String = self.redis.get(self.key(&format!("d:{dno}"))).unwrap();
            let record: Vec<String> = serde_json::from_str(&record).unwrap();
            let full = |room: &String| format!("{}\0{room}", record[0]);
            assert!(directory.remove(&(full(&record[1]), record[2].clone(), dno.clone())));
            for room in record[3..].iter().map(full) {
                rooms.entry(room).or_default().insert(dno.clone());
            }
            let end: Option<f64> = self.redis.zscore(self.key("exp"), dno).unwrap();
            assert!(end.is_some(), "it is remembered for a while");
        }
        assert!(directory.is_empty(), "{directory:?}");
        assert_eq!(rooms.keys().cloned().collect::<Names>(), self.names("r"));
        for (room, expected) in rooms {
            let found: Names = self.redis.smembers(self.key(&format!("r:{room}"))).unwrap();
            assert_eq!(found, expected);
            members.entry(room).or_default().insert(self.number());
        }
        owners.len() as u64
    }

    /// The number of the shard, as its head says.
    fn number(&mut self) -> String {
        let model: String = self.redis.hget(self.key("h"), "model").unwrap();
        model.rsplit_once('/').unwrap().1.to_owned()
    }
}

#[test]
fn bodies_counters_rooms_and_their_homes_are_as_gateways_make_them() {
    let (desk, server) = (Desk::new(), RedisServer::start());
    fill_with_all_kinds(&desk.path("data"));
    desk.moves("sqlite:data", &server.url(), &["--redis-shards", "8"]);
    let census = desk.contents("data").census;
    let redis = &mut redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let heads: Vec<String> = redis.keys("postroom{*}:h").unwrap();
    assert_eq!(heads.len(), 8);
    let (mut devices, mut entries, mut resyncs) = (0, 0, 0);
    let (mut members, mut elsewhere) = (BTreeMap::new(), BTreeMap::<String, Vec<(String, Names)>>::new());
    for head in heads {
        let mut shard = Shard { redis, prefix: head.strip_suffix('h').unwrap().to_owned() };
        let counters = shard.table("h");
        let count = |name: &str| counters.get(name).map_or(0, |count| count.parse::<u64>().unwrap());
        let waiting = shard.inboxes();
        assert_eq!((count("acc"), count("on")), (waiting, 0));
        assert_eq!(["ack", "exp", "rsy", "drp"].map(count), [0; 4]);
        assert!(!counters.keys().any(|field| field.starts_with("hi:")), "nobody is registered");
        entries += waiting;
        devices += shard.devices(&mut members);
        resyncs += shard.table("rs").len() as u64;
        let here = shard.number();
        for room in shard.names("x") {
            let shards: Names = shard.redis.zrange(shard.key(&format!("x:{room}")), 0, -1).unwrap();
            elsewhere.entry(room).or_default().push((here.clone(), shards));
        }
    }
    assert_eq!((devices, entries, resyncs), (census.devices, census.entries, census.resyncs));
    // The home of a room, which has it in `x:`, finds all members: they are in its own shard or in those it names.
    for (room, shards) in members {
        match elsewhere.remove(&room).as_deref() {
            Some([(home, named)]) => {
                assert!(shards.iter().all(|shard| shard == home || named.contains(shard)), "{room:?}");
            }
            Some(homes) => panic!("{room:?} has several homes: {homes:?}"),
            None => assert_eq!(shards.len(), 1, "{room:?}"),
        }
    }
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

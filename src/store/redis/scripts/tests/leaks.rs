//! Whether everything in a shard hangs together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::shard::Shard;

type Table = HashMap<String, String>;

fn names(shard: &mut Shard) -> BTreeMap<String, BTreeSet<String>> {
    let pattern = [b"*", &shard.p[..], b"*"].concat();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg(pattern).query(&mut shard.connection).unwrap();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for key in keys {
        let key = String::from_utf8(key).unwrap();
        let key = key.strip_prefix(std::str::from_utf8(&shard.p).unwrap()).unwrap();
        let (kind, name) = key.split_once(':').unwrap_or((key, ""));
        names.entry(kind.to_owned()).or_default().insert(name.to_owned());
    }
    let all: usize = redis::cmd("DBSIZE").query(&mut shard.connection).unwrap();
    assert_eq!(all, names.values().map(BTreeSet::len).sum::<usize>(), "keys that begin otherwise");
    names
}

/// Panics where something is left over. Cut-off lists are to be swept before.
pub(super) fn check(shard: &mut Shard) {
    let names = names(shard);
    let known = ["h", "u", "r", "d", "s", "q", "m", "refs", "rs", "exp", "lease", "dead", "xg", "x"];
    for kind in names.keys() {
        assert!(known.contains(&&**kind), "left over: {kind}: {:?}", names[kind]);
    }
    let of = |kind: &str| names.get(kind).cloned().unwrap_or_default();
    let owners: Table = shard.ask("HGETALL", "s", &[]);
    let queued = inboxes(shard, &of("q"), &of("m"), &owners);
    let [accepted, acked, expired, resynced, dropped, online] = shard.counters();
    assert_eq!(accepted, acked + expired + resynced + dropped + queued, "the balance");
    assert_eq!(online, owners.values().filter(|owners| !owners.is_empty()).count() as u64, "online");
    devices(shard, &of("d"), &of("u"), &of("r"), &owners);
    nodes(shard);
}

/// How many entries wait.
fn inboxes(shard: &mut Shard, inboxes: &BTreeSet<String>, bodies: &BTreeSet<String>, owners: &Table) -> u64 {
    let (mut queued, mut counts) = (0, BTreeMap::<String, (u64, bool)>::new());
    for dno in inboxes {
        assert!(owners.contains_key(dno), "an inbox without a device: {dno}");
        let refs: Vec<String> = shard.ask("LRANGE", &format!("q:{dno}"), &["0", "-1"]);
        let mut before = 0;
        for item in refs {
            let seq = item.trim_start_matches(['-', 'r', 'R']).to_owned();
            let number: u64 = seq.parse().unwrap();
            assert!(number > before, "the inbox of {dno} is not ascending");
            (before, queued) = (number, queued + 1);
            let shared = item.starts_with(['-', 'R']);
            let count = counts.entry(seq).or_insert((0, shared));
            assert_eq!(count.1, shared);
            count.0 += 1;
        }
    }
    assert_eq!(counts.keys().cloned().collect::<BTreeSet<_>>(), *bodies, "bodies");
    let stored: Table = shard.ask("HGETALL", "refs", &[]);
    let mut stored: BTreeMap<String, u64> =
        stored.into_iter().map(|(seq, count)| (seq, count.parse().unwrap())).collect();
    for (seq, (count, shared)) in counts {
        assert_eq!(stored.remove(&seq), shared.then_some(count), "refs of {seq}");
        assert!(shared || count == 1);
    }
    assert_eq!(stored, BTreeMap::new(), "counts without a body");
    queued
}

fn devices(
    shard: &mut Shard,
    records: &BTreeSet<String>,
    directories: &BTreeSet<String>,
    rooms: &BTreeSet<String>,
    owners: &Table,
) {
    assert_eq!(owners.keys().cloned().collect::<BTreeSet<_>>(), *records, "records");
    let (mut users, mut members) = (BTreeSet::new(), BTreeSet::new());
    for dno in records {
        let record: String = shard.ask("GET", &format!("d:{dno}"), &[]);
        let record: Vec<String> = serde_json::from_str(&record).unwrap();
        users.insert((format!("{}\0{}", record[0], record[1]), record[2].clone(), dno.clone()));
        members.extend(record[3..].iter().map(|room| (format!("{}\0{room}", record[0]), dno.clone())));
    }
    for directory in directories {
        let devices: Table = shard.ask("HGETALL", &format!("u:{directory}"), &[]);
        for (device, dno) in devices {
            assert!(users.remove(&(directory.clone(), device, dno)), "left in the directory {directory}");
        }
    }
    assert_eq!(users, BTreeSet::new(), "missing in a directory");
    for room in rooms {
        let dnos: Vec<String> = shard.ask("SMEMBERS", &format!("r:{room}"), &[]);
        for dno in dnos {
            assert!(members.remove(&(room.clone(), dno)), "left in the room {room}");
        }
    }
    assert_eq!(members, BTreeSet::new(), "missing in a room");
    let owing: Table = shard.ask("HGETALL", "rs", &[]);
    assert!(owing.keys().all(|dno| owners.contains_key(dno)), "owes a resync and is gone");
    let expiring: Vec<String> = shard.ask("ZRANGE", "exp", &["0", "-1"]);
    assert!(expiring.iter().all(|dno| owners[dno].is_empty()), "expires and is not away");
}

fn nodes(shard: &mut Shard) {
    let head: Table = shard.ask("HGETALL", "h", &[]);
    let of = |prefix: &str| -> BTreeSet<String> {
        head.keys().filter_map(|field| field.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    let leases: BTreeSet<String> =
        shard.ask::<Vec<String>>("ZRANGE", "lease", &["0", "-1"]).into_iter().collect();
    assert_eq!(of("hi:"), leases);
    assert_eq!(of("pub:"), leases);
    assert!(of("res:").is_subset(&leases), "results of a dead node");
}

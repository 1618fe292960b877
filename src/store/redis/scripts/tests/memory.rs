//! A server whose memory is full, or that is not in charge (any more).

use std::collections::BTreeMap;

use super::super::super::words::{Gen, Mark, Outgoing, Settled, Txn};
use super::super::reply;
use super::shard::{HERE, LONG, MODEL, Shard, arrival, bounds, message, resync, room, rooms};
use crate::domain::{BoundPolicy, Seq};

fn limit(shard: &mut Shard, bytes: &str) {
    redis::cmd("CONFIG").arg(&["SET", "maxmemory", bytes]).exec(&mut shard.connection).unwrap();
}

/// All keys and what is in them.
fn digest(shard: &mut Shard) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut shard.connection).unwrap();
    let mut dump = |key: &Vec<u8>| redis::cmd("DUMP").arg(key).query(&mut shard.connection).unwrap();
    keys.iter().map(|key| (key.clone(), dump(key))).collect()
}

#[test]
fn what_needs_room_is_refused_whole_and_what_makes_room_goes_on() {
    let mut shard = Shard::new();
    let node = shard.register();
    let one = shard.connect(node, 1, "user_1", "a", &["news"]);
    let two = shard.connect(node, 2, "user_2", "a", &["news"]);
    shard.post(node, "news", "[1]");
    shard.post(node, "user_1", "[2]");
    shard.send(node, &[resync(rooms(&["user_1"]), "[3]")]);
    let newest = shard.newest();
    redis::cmd("CONFIG").arg(&["SET", "maxmemory-policy", "noeviction"]).exec(&mut shard.connection).unwrap();
    limit(&mut shard, "1");

    let before = digest(&mut shard);
    let mut listener = shard.listen(node);
    let txn = Txn(shard.last_txn(node).0 + 1);
    let drop = bounds(1, 1, BoundPolicy::DropOldest);
    let refused = [
        shard.scripts.send(&shard.p, node, txn, &[message(rooms(&["news", "user_1"]), "[4]")]),
        shard.scripts.send(&shard.p, node, txn, &[message(rooms(&["nobody"]), "[4]")]),
        shard.scripts.send(
            &shard.p,
            node,
            txn,
            &[Outgoing { bounds: drop, ..message(rooms(&["user_1"]), "[4]") }],
        ),
        shard.scripts.connect(&shard.p, node, txn, &arrival(3, "user_3", "a", &["news"])),
        shard.scripts.connect(&shard.p, node, txn, &arrival(3, "user_1", "a", &[])),
        shard.scripts.enlist(&shard.p, HERE, &[room("news")]),
    ];
    for cmd in &refused {
        assert_eq!(shard.refused(cmd).0, "OOM");
    }
    assert_eq!(digest(&mut shard), before, "something was done");
    assert_eq!(listener.heard(&mut shard), []);

    assert_eq!(shard.send(node, &[]), [], "the number is used up");
    shard.ack(&[Settled::Entry(one, newest), Settled::Through(two, newest)]);
    assert_eq!(shard.inbox(one), (vec![], Some(newest)));
    assert_eq!(listener.heard(&mut shard).len(), 1);
    shard.disconnect(node, LONG, &[(one, 1)]);
    assert_eq!(shard.tick_out(node, LONG).tally.online, 1);
    let other = shard.register();
    let txn = shard.next_txn(other);
    let held = [(two, Gen(2), shard.mark(two)), (one, Gen(1), shard.mark(one))];
    let adopt = shard.scripts.adopt(&shard.p, other, txn, &held);
    assert_eq!(reply::adopt(shard.run(&adopt).unwrap()).unwrap(), []);
    let resign = shard.scripts.resign(&shard.p, other);
    shard.run(&resign).unwrap();
    assert_eq!(shard.tick_out(node, LONG).tally.online, 1);

    limit(&mut shard, "0");
    shard.connect(node, 3, "user_1", "a", &[]);
    shard.finish();
}

#[test]
fn a_replica_answers_nothing() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    shard.post(node, "user_1", "[1]");
    // Of a server that there is not: it keeps what it has.
    redis::cmd("REPLICAOF").arg(&["127.0.0.1", "1"]).exec(&mut shard.connection).unwrap();
    let txn = Txn(shard.last_txn(node).0 + 1);
    for cmd in [
        shard.scripts.register(&shard.p, MODEL, LONG, 0),
        shard.scripts.tick(&shard.p, node, LONG, 0, &[]),
        shard.scripts.resign(&shard.p, node),
        shard.scripts.connect(&shard.p, node, txn, &arrival(2, "user_1", "a", &[])),
        shard.scripts.disconnect(&shard.p, node, txn, 0, &[(dno, Gen(1))]),
        shard.scripts.adopt(&shard.p, node, txn, &[(dno, Gen(2), Mark::default())]),
        shard.scripts.send(&shard.p, node, txn, &[message(rooms(&["user_1"]), "[2]")]),
        shard.scripts.ack(&shard.p, &[]),
        shard.scripts.read(&shard.p, &[(dno, Seq(0), 9, 9)]),
        shard.scripts.enlist(&shard.p, HERE, &[room("news")]),
    ] {
        assert_eq!(shard.refused(&cmd).0, "READONLY");
    }
    redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).exec(&mut shard.connection).unwrap();
    assert_eq!(shard.bodies(dno), ["[1]"]);
    shard.finish();
}

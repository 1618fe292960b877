//! Nodes join, die and resign; rooms are enlisted.

use super::super::super::words::{NodeId, ShardNo, Txn};
use super::super::reply;
use super::shard::{LONG, MODEL, Shard, message, room, rooms};

#[test]
fn numbers_of_nodes_are_never_used_again() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    assert_eq!((one, two), (NodeId(1), NodeId(2)));
    let cmd = shard.scripts.resign(&shard.p, two);
    shard.run(&cmd).unwrap();
    shard.run(&cmd).unwrap();
    assert_eq!(shard.register(), NodeId(3));
    shard.finish();
}

#[test]
fn numbers_of_devices_do_not_begin_anew_after_a_flush() {
    let mut shard = Shard::new();
    let first = |shard: &mut Shard, epoch: u64| {
        redis::cmd("FLUSHALL").exec(&mut shard.connection).unwrap();
        let cmd = shard.scripts.register(&shard.p, MODEL, LONG, epoch);
        shard.run(&cmd).unwrap();
        shard.ask::<u64>("HGET", "h", &["dno"])
    };
    // An hour passes in between.
    let hour = first(&mut shard, 0) - first(&mut shard, 3_600_000);
    assert!(hour.abs_diff(3_600_000 / 64) < 1000, "{hour}");
    shard.finish();
}

#[test]
fn a_registration_lets_the_reaping_of_the_dead_begin_anew() {
    let mut shard = Shard::new();
    shard.register();
    let _: u64 = shard.ask("HSET", "dead", &["9", "4711"]);
    shard.register();
    let cursor: String = shard.ask("HGET", "dead", &["9"]);
    assert_eq!(cursor, "0");
    shard.finish();
}

#[test]
fn a_tick_renews_the_lease() {
    let mut shard = Shard::new();
    let node = shard.register_for(1);
    let before: f64 = shard.ask("ZSCORE", "lease", &["1"]);
    shard.tick(node, 0);
    let after: f64 = shard.ask("ZSCORE", "lease", &["1"]);
    assert!(after - before > LONG as f64 - 1000.0, "{before} {after}");
    shard.finish();
}

#[test]
fn another_model_is_refused() {
    let mut shard = Shard::new();
    shard.register();
    let cmd = shard.scripts.register(&shard.p, "1/8/2", LONG, 0);
    assert_eq!(shard.refused(&cmd), ("MODEL".into(), MODEL.into()));
    shard.finish();
}

#[test]
fn who_resigned_is_dead_at_once_and_its_devices_are_away_soon() {
    let mut shard = Shard::new();
    let (one, two) = (shard.register(), shard.register());
    let gone = shard.connect(one, 1, "user_1", "a", &[]);
    let both = shard.connect(one, 2, "user_2", "a", &[]);
    shard.connect(two, 3, "user_2", "a", &[]);
    shard.send(one, &[]);
    let mut listener = shard.listen(one);
    let cmd = shard.scripts.resign(&shard.p, one);
    shard.run(&cmd).unwrap();
    for cmd in [
        shard.scripts.send(&shard.p, one, Txn(4), &[]),
        shard.scripts.tick(&shard.p, one, LONG, 0, &[]),
        shard.scripts.adopt(&shard.p, one, Txn(4), &[]),
        shard.scripts.disconnect(&shard.p, one, Txn(4), 0, &[]),
    ] {
        assert_eq!(shard.refused(&cmd).0, "NOLEASE");
    }
    shard.send(two, &[message(rooms(&["user_1"]), "[1]")]);
    assert_eq!(listener.heard(&mut shard), [], "nothing is published to the dead");
    assert_eq!(shard.tick_out(two, LONG).tally.online, 1);
    let owners: Vec<String> = shard.ask("HMGET", "s", &[&gone.0.to_string(), &both.0.to_string()]);
    assert_eq!(owners, ["", "2.3;"]);
    let expiring: Vec<u64> = shard.ask("ZRANGE", "exp", &["0", "-1"]);
    assert_eq!(expiring, [gone.0]);
    shard.finish();
}

#[test]
fn a_lease_that_is_over_is_a_dead_node() {
    let mut shard = Shard::new();
    let one = shard.register_for(1);
    let two = shard.register();
    for device in 0..700_u64 {
        shard.connect(one, device, "user_1", &device.to_string(), &[]);
    }
    let (mut ticks, mut steps) = (0, 0);
    loop {
        let report = shard.tick(two, LONG);
        ticks += 1;
        steps += u32::from(report.more);
        if report.tally.online == 0 && !report.more {
            break;
        }
        assert!(ticks < 100_000, "never found dead");
    }
    assert!(steps >= 2, "700 devices are reaped in steps");
    let cmd = shard.scripts.tick(&shard.p, one, LONG, LONG, &[]);
    assert_eq!(shard.refused(&cmd).0, "NOLEASE");
    shard.finish();
}

#[test]
fn a_node_never_finds_itself_dead_and_several_dead_are_all_reaped() {
    let mut shard = Shard::new();
    let last = shard.register_for(0);
    let dead: Vec<NodeId> = (0..3).map(|_| shard.register_for(0)).collect();
    for (node, device) in dead.iter().zip(0_u64..) {
        shard.connect(*node, 1, "user_1", &device.to_string(), &[]);
        shard.connect(*node, 2, "user_2", "shared", &[]);
    }
    let kept = shard.connect(last, 1, "user_3", "a", &[]);
    for _ in 0..100_000 {
        let report = shard.tick(last, LONG);
        if !report.more && report.tally.online == 1 {
            let owners: String = shard.ask("HGET", "s", &[&kept.0.to_string()]);
            assert_eq!(owners, "1.1;");
            return shard.finish();
        }
    }
    panic!("never reaped");
}

#[test]
fn a_tick_says_that_more_dead_are_to_be_reaped() {
    let mut shard = Shard::new();
    let last = shard.register();
    for device in 0..3_u64 {
        let node = shard.register();
        shard.connect(node, 1, "user_1", &device.to_string(), &[]);
        let cmd = shard.scripts.resign(&shard.p, node);
        shard.run(&cmd).unwrap();
    }
    let more = [0; 4].map(|_| shard.tick(last, 0).more);
    assert_eq!(more, [true, true, false, false]);
    shard.finish();
}

fn enlisted(shard: &mut Shard, name: &str) -> Vec<u16> {
    shard.ask("ZRANGE", &format!("x:s\0{name}"), &["0", "-1"])
}

#[test]
fn a_shard_is_struck_where_its_last_enlisting_is_over_an_hour_old() {
    let mut shard = Shard::new();
    shard.register();
    let names = [room("news"), room("chess")];
    let enlist = shard.scripts.enlist(&shard.p, ShardNo(3), &names);
    shard.run(&enlist).unwrap();
    let _: u64 = shard.ask("ZADD", "x:s\0news", &["1000", "3", "1000", "1"]);
    let strike = shard.scripts.strike(&shard.p, ShardNo(3), &[room("news"), room("chess"), room("go")]);
    shard.run(&strike).unwrap();
    assert_eq!(enlisted(&mut shard, "news"), [1]);
    assert_eq!(enlisted(&mut shard, "chess"), [3], "enlisted just now");
    let _: u64 = shard.ask("ZADD", "x:s\0chess", &["1000", "3"]);
    shard.run(&enlist).unwrap();
    shard.run(&strike).unwrap();
    assert_eq!(enlisted(&mut shard, "chess"), [3], "enlisted again");
    assert_eq!(enlisted(&mut shard, "news"), [1, 3]);
    shard.finish();
}

#[test]
fn deserted_rooms_are_reported_until_they_are_forgotten() {
    let mut shard = Shard::new();
    let node = shard.register();
    shard.connect(node, 1, "user_1", "a", &["chess", "go", "news"]);
    shard.connect(node, 1, "user_1", "a", &["news"]);
    assert_eq!(shard.tick(node, 0).deserted, [], "empty since just now");
    let _: u64 = shard.ask("ZADD", "xg", &["1000", "s\0chess", "1000", "s\0go", "1000", "s\0news"]);
    assert_eq!(shard.tick(node, 0).deserted, [room("chess"), room("go")]);
    let left: u64 = shard.ask("ZCARD", "xg", &[]);
    assert_eq!(left, 2, "a room with members is not deserted");
    shard.connect(node, 1, "user_1", "a", &["go"]);
    shard.connect(node, 2, "user_2", "a", &["go"]);
    let forgotten = [room("chess"), room("go")];
    let cmd = shard.scripts.tick(&shard.p, node, LONG, 0, &forgotten);
    assert_eq!(reply::tick(shard.run(&cmd).unwrap()).unwrap().deserted, []);
    let left: Vec<String> = shard.ask("ZRANGE", "xg", &["0", "-1"]);
    assert_eq!(left, ["s\0news"]);
    let cmd = shard.scripts.tick(&shard.p, node, LONG, 0, &[room("news")]);
    shard.run(&cmd).unwrap();
    let left: u64 = shard.ask("ZCARD", "xg", &[]);
    assert_eq!(left, 1, "it had members since");
    shard.finish();
}

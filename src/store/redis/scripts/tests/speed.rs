//! How long scripts take, and how many commands they run inside.

use std::collections::BTreeMap;

use redis::{FromRedisValue, Value};

use super::super::super::words::{Dno, Settled, To};
use super::shard::{LONG, Shard, message, rooms};
use crate::domain::Seq;

/// No script may hold the server up for longer than this. Microseconds.
const LONGEST: u64 = 1000;

/// The duration of the newest script.
fn micros(shard: &mut Shard) -> u64 {
    let log: Vec<Vec<Value>> =
        redis::cmd("SLOWLOG").arg("GET").arg("8").query(&mut shard.connection).unwrap();
    let newest = log.iter().find(|entry| format!("{entry:?}").contains("EVALSHA")).unwrap();
    u64::from_redis_value(newest[2].clone()).unwrap()
}

fn log_all(shard: &mut Shard) {
    redis::cmd("CONFIG").arg(&["SET", "slowlog-log-slower-than", "0"]).exec(&mut shard.connection).unwrap();
}

/// Keeps the best.
fn note(best: &mut BTreeMap<&str, u64>, shard: &mut Shard, what: &'static str) {
    let took = micros(shard);
    let known = best.entry(what).or_insert(took);
    *known = took.min(*known);
}

#[test]
fn no_script_is_long() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dnos: Vec<Dno> = (0..256)
        .map(|device| shard.connect(node, device, "user_1", &device.to_string(), &["news"]))
        .collect();
    let user = shard.connect(node, 0, "user_2", "a", &[]);
    log_all(&mut shard);
    let mut best: BTreeMap<&str, u64> = BTreeMap::new();
    // A neighbour may hold the machine up during any run, but not during each.
    for round in 0..50 {
        if round > 2 && best.values().all(|took| *took <= LONGEST) {
            break;
        }
        shard.send(node, &[message(rooms(&["news"]), &"x".repeat(183))]);
        note(&mut best, &mut shard, "send to 256");
        let seq = shard.newest();
        let settled: Vec<_> = dnos.iter().map(|dno| Settled::Entry(*dno, seq)).collect();
        shard.ack(&settled);
        note(&mut best, &mut shard, "ack of 256");
        let each: Vec<_> = dnos[..32].iter().map(|dno| message(To::Devices(vec![*dno]), "[1]")).collect();
        shard.send(node, &each);
        note(&mut best, &mut shard, "send of 32 to one each");
        let last = shard.newest().0;
        let settled: Vec<_> =
            dnos[..32].iter().zip(last - 31..).map(|(dno, seq)| Settled::Entry(*dno, Seq(seq))).collect();
        shard.ack(&settled);
        for _ in 0..10 {
            shard.send(node, &vec![message(rooms(&["user_2"]), &"x".repeat(183)); 32]);
        }
        note(&mut best, &mut shard, "send of 32 to one user");
        assert_eq!(shard.read(user, Seq(0), 256, 1 << 20).entries.len(), 256);
        note(&mut best, &mut shard, "page of 256");
        shard.connect(node, 0, "user_2", "a", &[]);
        note(&mut best, &mut shard, "connect with a page");
        shard.ack(&[Settled::Through(user, Seq(1 << 52))]);
        note(&mut best, &mut shard, "ack through 320");
        shard.tick(node, LONG);
        note(&mut best, &mut shard, "tick");
    }
    for (what, took) in &best {
        assert!(*took <= LONGEST, "{what}: {took} us; all: {best:?}");
    }
    shard.finish();
}

/// Commands that ran inside of scripts, by name.
fn calls(shard: &mut Shard) -> BTreeMap<String, u64> {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut shard.connection).unwrap();
    let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
    let calls = lines.map(|(name, rest)| (name.to_owned(), rest.split(',').next().unwrap().parse().unwrap()));
    calls.filter(|(name, _)| name != "evalsha" && name != "info").collect()
}

fn inside(shard: &mut Shard, run: impl FnOnce(&mut Shard)) -> BTreeMap<String, u64> {
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut shard.connection).unwrap();
    run(shard);
    let mut calls = calls(shard);
    calls.retain(|name, _| !name.starts_with("config"));
    calls
}

#[test]
fn a_message_for_one_device_costs_few_commands() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    let table = |calls: &[(&str, u64)]| -> BTreeMap<String, u64> {
        calls.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let to_one = [message(rooms(&["user_1"]), "[1]")];
    let sent = inside(&mut shard, |shard| assert_eq!(shard.send(node, &to_one).len(), 1));
    let expected = [
        ("exists", 1),
        ("hmget", 2),
        ("hset", 1),
        ("hvals", 1),
        ("mset", 1),
        ("publish", 1),
        ("rpush", 1),
        ("time", 1),
    ];
    assert_eq!(sent, table(&expected));
    let seq = shard.newest();
    let acked = inside(&mut shard, |shard| shard.ack(&[Settled::Entry(dno, seq)]));
    assert_eq!(acked, table(&[("del", 1), ("hincrby", 1), ("lpop", 1)]));
    super::leaks::check(&mut shard);
}

/// What the server's own thread has worked so far, in microseconds.
fn worked(shard: &mut Shard) -> f64 {
    let cpu: String = redis::cmd("INFO").arg("cpu").query(&mut shard.connection).unwrap();
    let seconds = cpu.lines().filter(|line| line.contains("main_thread:"));
    seconds.map(|line| line.split(':').nth(1).unwrap().trim().parse::<f64>().unwrap()).sum::<f64>() * 1e6
}

/// What the original did for each recipient, one after the other: 64 at a time.
fn as_the_original(shard: &mut Shard, recipients: usize, body: &str) {
    let steps: [&dyn Fn(&str) -> redis::Cmd; 4] = [
        &|key| redis::cmd("RPUSH").arg(key).arg(body).to_owned(),
        &|key| redis::cmd("EXPIRE").arg(key).arg(3600).to_owned(),
        &|key| redis::cmd("LRANGE").arg(key).arg(0).arg(-1).to_owned(),
        &|key| redis::cmd("LREM").arg(key).arg(1).arg(body).to_owned(),
    ];
    for first in (0..recipients).step_by(64) {
        for step in steps {
            let mut pipeline = redis::pipe();
            for no in first..recipients.min(first + 64) {
                pipeline.add_command(step(&format!("queue:{no}"))).ignore();
            }
            pipeline.exec(&mut shard.connection).unwrap();
        }
    }
}

#[test]
fn a_message_for_a_room_costs_the_server_less_than_four_commands_for_each_recipient() {
    let mut shard = Shard::new();
    let node = shard.register();
    let mut ears = shard.listen(node);
    let dnos: Vec<Dno> =
        (0..250).map(|user| shard.connect(node, user, &format!("user_{user}"), "a", &["news"])).collect();
    let config = [["appendfsync", "everysec"], ["appendonly", "yes"]];
    for [name, value] in config {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut shard.connection).unwrap();
    }
    let body = "x".repeat(60);
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    // In turn, and the best of each: a neighbour slows down some of the rounds, but not all of one side.
    for _ in 0..40 {
        let start = worked(&mut shard);
        for _ in 0..4 {
            let seq = shard.post(node, "news", &body);
            shard.ack(&dnos.iter().map(|dno| Settled::Entry(*dno, seq)).collect::<Vec<_>>());
        }
        let between = worked(&mut shard);
        as_the_original(&mut shard, 4 * dnos.len(), &body);
        theirs = theirs.min(worked(&mut shard) - between);
        ours = ours.min(between - start);
        assert_eq!(ears.heard(&mut shard).len(), 4);
    }
    assert!(ours < theirs, "{ours} us for 1,000 deliveries, {theirs} us as the original");
    shard.finish();
}

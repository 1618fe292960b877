//! What is due: devices expire, and what was cut off is swept.

use super::super::super::words::{Dno, Outgoing, Settled, Tally, To};
use super::shard::{LONG, Shard, bounds, message, resync, rooms};
use crate::domain::{BoundPolicy, Seq};

/// As if the ttl of these devices had passed.
fn pass_ttl(shard: &mut Shard, dnos: &[Dno]) {
    for dno in dnos {
        let _: u64 = shard.ask("ZADD", "exp", &[&(1000 + dno.0).to_string(), &dno.0.to_string()]);
    }
}

#[test]
fn a_device_that_was_away_for_too_long_goes_with_everything() {
    let mut shard = Shard::new();
    let node = shard.register();
    let gone = shard.connect(node, 1, "user_1", "a", &["chess", "news"]);
    let stays = shard.connect(node, 2, "user_2", "a", &["news"]);
    shard.post(node, "news", "[1]");
    shard.post(node, "user_1", "[2]");
    let limits = bounds(2, 99, BoundPolicy::Resync);
    shard.send(node, &[Outgoing { bounds: limits, ..message(rooms(&["user_1"]), "[3]") }]);
    shard.post(node, "user_1", "[4]");
    shard.disconnect(node, LONG, &[(gone, 1), (stays, 2)]);
    assert_eq!(shard.tick(node, LONG).tally.devices, 2, "not due");
    pass_ttl(&mut shard, &[gone]);
    assert_eq!(shard.tick(node, 0).tally.devices, 2, "nothing expires where nothing shall");
    let report = shard.tick_out(node, LONG);
    let tally = Tally { accepted: 5, acked: 0, expired: 1, resynced: 3, dropped: 0, devices: 1, online: 0 };
    assert_eq!(report.tally, tally);
    let empty: Vec<String> = shard.ask("ZRANGE", "xg", &["0", "-1"]);
    assert_eq!(empty, ["s\0chess"]);
    shard.ack(&[Settled::Through(gone, Seq(u64::MAX >> 12))]);
    let again = shard.connect(node, 3, "user_1", "a", &[]);
    assert!(again > stays, "a number is never used again");
    shard.finish();
}

#[test]
fn a_device_with_owners_never_expires() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    pass_ttl(&mut shard, &[dno, Dno(77)]);
    assert_eq!(shard.tick_out(node, LONG).tally.devices, 1);
    let expiring: u64 = shard.ask("ZCARD", "exp", &[]);
    assert_eq!(expiring, 0);
    shard.finish();
}

#[test]
fn a_ttl_that_passes_is_enough() {
    let mut shard = Shard::new();
    let node = shard.register();
    let dno = shard.connect(node, 1, "user_1", "a", &[]);
    shard.disconnect(node, 1, &[(dno, 1)]);
    for _ in 0..100_000 {
        if shard.tick(node, 1).tally.devices == 0 {
            return shard.finish();
        }
    }
    panic!("never expired");
}

#[test]
fn expiry_goes_in_steps() {
    let mut shard = Shard::new();
    let node = shard.register();
    let many: Vec<String> = (0..150).map(|room| format!("room{room}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut dnos = Vec::new();
    for device in 0..40_u64 {
        let others = if device < 6 { &many[..] } else { &[] };
        dnos.push(shard.connect(node, device, "user_1", &device.to_string(), others));
    }
    for part in dnos.chunks(20) {
        shard.send(node, &[message(To::Devices(part.to_vec()), "[1]")]);
    }
    for _ in 0..3 {
        shard.send(node, &vec![message(To::Devices(vec![dnos[7]]), "[2]"); 100]);
    }
    let ends: Vec<(Dno, u64)> = dnos.iter().copied().zip(0..).collect();
    shard.disconnect(node, LONG, &ends);
    pass_ttl(&mut shard, &dnos);
    let mut step = || {
        let report = shard.tick(node, LONG);
        (report.tally.devices, report.more)
    };
    assert_eq!([step(), step(), step(), step()], [(38, true), (36, true), (34, true), (18, true)]);
    let cut_off: u64 = shard.ask("LLEN", &format!("g:{}:0", dnos[7].0), &[]);
    assert_eq!(cut_off, 301 - 256);
    assert!(shard.tick(node, LONG).more, "16 were due, there may be others");
    let report = shard.tick_out(node, LONG);
    assert_eq!((report.tally.devices, report.tally.expired), (0, 340));
    shard.finish();
}

#[test]
fn few_devices_in_many_rooms_are_more_than_one_step() {
    let mut shard = Shard::new();
    let node = shard.register();
    let many: Vec<String> = (0..150).map(|room| format!("room{room}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let dnos = ["a", "b", "c"].map(|device| shard.connect(node, 1, "user_1", device, &many));
    shard.disconnect(node, LONG, &dnos.map(|dno| (dno, 1)));
    pass_ttl(&mut shard, &dnos);
    let report = shard.tick(node, LONG);
    assert_eq!((report.tally.devices, report.more), (1, true));
    assert_eq!(shard.tick_out(node, LONG).tally.devices, 0);
    shard.finish();
}

#[test]
fn what_was_cut_off_is_swept_in_steps() {
    let mut shard = Shard::new();
    let node = shard.register();
    let one = shard.connect(node, 1, "user_1", "a", &[]);
    shard.connect(node, 2, "user_2", "a", &[]);
    for _ in 0..6 {
        shard.send(node, &vec![message(rooms(&["user_1", "user_2"]), "[1]"); 100]);
    }
    shard.send(node, &[resync(rooms(&["user_1"]), "[2]")]);
    let last = shard.newest();
    shard.ack(&[Settled::Entry(one, last)]);
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let more = shard.tick(node, 0).more;
        let size: u64 = shard.ask("LLEN", &format!("g:{}:{}", one.0, last.0), &[]);
        sizes.push((size, more));
    }
    assert_eq!(sizes, [(344, true), (88, true), (0, false)]);
    shard.finish();
}

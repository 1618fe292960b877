//! What the store costs its server, counted: script calls for each message, ack and idle moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom::domain::*;
use postroom::store::*;

use super::super::rig::*;
use super::bench::Place;
use crate::support::redis::RedisServer;

/// As many as by default.
const SHARDS: u16 = 16;

fn place(server: &Arc<RedisServer>, lease: Duration) -> Place {
    // A tick in the middle would be counted, too.
    Place::on(Arc::clone(server), "").with_shards(SHARDS).with_lease(lease)
}

/// Commands that the server has carried out for others than scripts: EVALSHA, and everything else that is no question of
/// this test.
fn calls(server: &RedisServer) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let of = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let count: u64 = rest.split(',').next()?.parse().ok()?;
        (name == "evalsha").then_some(count)
    };
    stats.lines().filter_map(of).sum()
}

/// Users with one device each, all in one room, spread over all shards.
fn crowd(rig: &Rig<'_>, users: u32) -> Vec<DeviceNo> {
    (0..users)
        .map(|user| {
            let primary = format!("user_{user}");
            let device = DeviceKey { primary: primary.as_str().into(), ..key("a") };
            rig.connect_with(session(0, user), device, &["all", &primary], WIDE).0
        })
        .collect()
}

#[test]
fn a_message_for_one_device_is_one_script_and_so_are_its_acks() {
    let server = Arc::new(RedisServer::start());
    let place = place(&server, Duration::from_mins(10));
    let mut rig = Rig::new(&place);
    let devices = crowd(&rig, 3);
    rig.store().append(Append {
        reply: ReplyTo { worker: WorkerId(0), token: 9_000 },
        message: Arc::new(message("[0]", &["user_1"])),
    });
    rig.settle();
    let before = calls(&server);
    for n in 0..20 {
        let token = rig.post(message(&format!("[{n}]"), &["user_1"]));
        rig.recorder.take("Appended", |_, event| match event {
            StoreEvent::Appended { token: t, outcome: Ok(_) } if *t == token => Some(()),
            _ => None,
        });
    }
    assert_eq!(calls(&server) - before, 20);
    let seqs: Vec<Seq> = rig
        .recorder
        .log(0)
        .into_iter()
        .filter_map(|event| match event {
            StoreEvent::Entry { seq, devices: to, .. } if to.contains(&devices[1]) => Some(seq),
            _ => None,
        })
        .collect();
    let before = calls(&server);
    rig.store().acknowledge(seqs.iter().map(|seq| Ack::Entry(devices[1], *seq)).collect());
    let settled = || server.cli(&["INFO", "commandstats"]).contains("cmdstat_lpop");
    until_so(settled);
    assert_eq!(calls(&server) - before, 1);
    assert_eq!(rig.until("all are settled", |c| c.queued == 0).acked, seqs.len() as u64);
}

#[test]
fn a_message_for_a_room_is_one_script_for_each_shard() {
    let server = Arc::new(RedisServer::start());
    let place = place(&server, Duration::from_mins(10));
    let mut rig = Rig::new(&place);
    crowd(&rig, 1000);
    assert_eq!(rig.send(message("[0]", &["all"])).devices, 1000);
    rig.settle();
    let before = calls(&server);
    for n in 0..5 {
        let token = rig.post(message(&format!("[{n}]"), &["all"]));
        rig.recorder.take("Appended", |_, event| match event {
            StoreEvent::Appended { token: t, outcome: Ok(receipt) } if *t == token => {
                assert_eq!((receipt.devices, receipt.queued), (1000, 1000));
                Some(())
            }
            _ => None,
        });
    }
    assert_eq!(calls(&server) - before, 5 * u64::from(SHARDS));
}

#[test]
fn an_idle_node_ticks_and_does_nothing_else() {
    let server = Arc::new(RedisServer::start());
    let lease = Duration::from_secs(3);
    let place = place(&server, lease);
    let rig = Rig::new(&place);
    crowd(&rig, 3);
    let (before, begin) = (calls(&server), Instant::now());
    rig.recorder.quiet(lease);
    let (ticks, lasted) = (calls(&server) - before, begin.elapsed().as_secs_f64());
    // A tick comes each third of a lease, give or take a quarter.
    let most = (lasted / 0.75).ceil() as u64 + 1;
    let (least, most) = (u64::from(SHARDS), u64::from(SHARDS) * most);
    assert!((least..=most).contains(&ticks), "{ticks} ticks, {least} to {most} are right");
}

fn until_so(is_so: impl FnMut() -> bool) {
    crate::support::redis::until("the acks have arrived", 20, is_so);
}

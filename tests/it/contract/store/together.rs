//! Messages that are sent together.

use postroom::domain::*;
use postroom::store::*;

use super::rig::*;
use crate::support::random::Random;

/// Rooms that several devices are in, and devices.
const SHARED: usize = 6;
const DEVICES: usize = 8;
/// Messages of one round, and rounds.
const MESSAGES: usize = 60;
const ROUNDS: u32 = 4;

/// A device in some of the shared rooms, of one of two equal worlds.
fn device_of(world: &str, number: usize) -> DeviceKey {
    DeviceKey { site: site(world), primary: own(number).into(), device_id: "d".into() }
}

fn own(number: usize) -> String {
    format!("user_{number}")
}

/// Rooms that are unknown at first in each round.
fn shared(round: u32, number: usize) -> String {
    format!("room_{round}_{number}")
}

fn some(random: &mut Random, round: u32) -> Vec<String> {
    (0..SHARED).filter(|_| random.one_in(2)).map(|number| shared(round, number)).collect()
}

/// To one device, to one room, or to several of both.
fn aim(random: &mut Random, round: u32) -> Vec<String> {
    let mut rooms = Vec::new();
    if random.one_in(2) {
        rooms.push(own(random.below(DEVICES + 1)));
    }
    if rooms.is_empty() || random.one_in(4) {
        rooms.push(shared(round, random.below(SHARED)));
    }
    if random.one_in(8) {
        rooms.extend(some(random, round));
    }
    rooms.sort();
    rooms.dedup();
    rooms
}

fn bounds(random: &mut Random) -> QueueBounds {
    let policy = if random.one_in(2) { BoundPolicy::Resync } else { BoundPolicy::DropOldest };
    QueueBounds { max_messages: 5 + random.below(60) as u32, max_bytes: 10_000, policy }
}

fn to(world: &str, message: &Message) -> Message {
    Message { site: site(world), ..message.clone() }
}

/// Two worlds with the same devices: to one messages are sent together, to the other one by one.
pub(super) fn they_come_to_what_they_would_one_by_one(backend: &dyn Backend) {
    let mut random = Random::seeded();
    let mut rig = Rig::new(backend);
    for round in 0..ROUNDS {
        let mut devices = Vec::new();
        for number in 0..DEVICES {
            let mut rooms = some(&mut random, round);
            rooms.push(own(number));
            rooms.sort();
            let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
            let slot = |world: u32| round * 100 + number as u32 * 2 + world;
            let [here, there] = [("together", 0), ("alone", 1)].map(|(world, nth)| {
                let limit = WIDE;
                rig.connect_with(session(1, slot(nth)), device_of(world, number), &rooms, limit).0
            });
            devices.push((here, there));
        }
        let bounds = bounds(&mut random);
        let messages: Vec<Message> = (0..MESSAGES)
            .map(|n| {
                let rooms = aim(&mut random, round);
                let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
                let resync = random.one_in(4);
                Message { bounds, resync, ..message(&format!("[{round},{n}]"), &rooms) }
            })
            .collect();
        let (mut together, mut left) = (Vec::new(), messages.as_slice());
        while !left.is_empty() {
            let (batch, rest) = left.split_at((1 + random.below(40)).min(left.len()));
            together.extend(rig.send_all(batch.iter().map(|message| to("together", message)).collect()));
            left = rest;
        }
        let alone: Vec<Receipt> = messages.iter().map(|message| rig.send(to("alone", message))).collect();
        assert_eq!(together, alone);
        for (here, there) in devices {
            assert_eq!(rig.texts(here), rig.texts(there), "round {round}");
            let texts = |device| rig.live(1, device).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
            assert_eq!(texts(here), texts(there), "live in round {round}");
        }
    }
}

pub(super) fn what_was_answered_together_is_there_again(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    let (a, _) = rig.connect(session(0, 0), "a", &["all", "user_1"]);
    let texts: Vec<String> = (0..200).map(|n| format!("[{n}]")).collect();
    let room = |n: usize| if n.is_multiple_of(2) { "user_1" } else { "all" };
    let messages = texts.iter().enumerate().map(|(n, text)| message(text, &[room(n)])).collect();
    let receipts = rig.send_all(messages);
    assert!(receipts.len() == 200 && receipts.iter().all(|receipt| receipt.queued == 1));
    rig.reopen(true);
    assert_eq!(rig.texts(a), texts);
}

pub(super) fn after_close_all_are_refused(backend: &dyn Backend) {
    let mut rig = Rig::new(backend);
    rig.connect(session(0, 0), "a", &["user_1"]);
    rig.store().close();
    let token = rig.post_all(vec![message("[1]", &["user_1"]), message("[2]", &["user_2"])]);
    assert_eq!(rig.answers(token), vec![Err(StoreError::Closed); 2]);
}

//! The registry stays whole, and a failed round leaves no trace.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::domain::{BoundPolicy, Event, MessageId, QueueBounds, Room, SiteName, WorkerId};

const ROOMS: [&str; 3] = ["a", "b", "c"];
const NOW: u64 = 1_000_000;

#[derive(Debug, Clone)]
enum Step {
    /// Device and session, rooms (bit mask).
    Connect(u32, u8),
    Disconnect(u32),
    /// Room, option `resync`, bounds.
    Append(usize, bool, u8),
    /// Device, place.
    Ack(u32, usize),
    Through(u32, usize),
    Resynced(u32),
}

/// What a failed round must take back.
fn promises() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_u32, 0..8_u8).prop_map(|(d, r)| Step::Connect(d, r)),
        (0..3_usize, any::<bool>(), 0..4_u8).prop_map(|(r, o, b)| Step::Append(r, o, b)),
        (0..3_usize, any::<bool>(), 0..4_u8).prop_map(|(r, o, b)| Step::Append(r, o, b)),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => promises(),
        2 => (0..4_u32, 0..5_usize).prop_map(|(d, n)| Step::Ack(d, n)),
        1 => (0..4_u32, 0..5_usize).prop_map(|(d, n)| Step::Through(d, n)),
        1 => (0..4_u32).prop_map(Step::Resynced),
        1 => (0..4_u32).prop_map(Step::Disconnect),
    ]
}

fn key(device: u32) -> DeviceKey {
    let site = SiteName::new("s").unwrap();
    DeviceKey { site, primary: "u".into(), device_id: device.to_string().into() }
}

fn session(slot: u32) -> SessionRef {
    SessionRef { worker: WorkerId(slot as u16 % 2), slot, serial: 0 }
}

fn message(room: usize, resync: bool, kind: u8) -> Arc<Message> {
    let bounds = |max_messages, max_bytes, policy| QueueBounds { max_messages, max_bytes, policy };
    Arc::new(Message {
        id: MessageId(1),
        site: SiteName::new("s").unwrap(),
        rooms: [Room::stored(ROOMS[room])].into(),
        event: Event::stored(Bytes::from_static(b"[\"event\"]")),
        resync,
        bounds: match kind {
            0 => QueueBounds::default(),
            1 => bounds(3, 1000, BoundPolicy::Resync),
            2 => bounds(3, 1000, BoundPolicy::DropOldest),
            _ => bounds(3, 5, BoundPolicy::DropOldest),
        },
        except: None,
    })
}

fn run(state: &mut State, step: &Step) {
    let no = |state: &State, device: u32| state.keys.get(&key(device)).copied().unwrap_or(DeviceNo(0));
    let seq = |state: &State, device: u32, place: usize| {
        let device = state.devices.get(&no(state, device));
        device.and_then(|device| device.inbox.get(place)).copied().unwrap_or(Seq(u64::MAX))
    };
    match *step {
        Step::Connect(device, rooms) => {
            let rooms = ROOMS.iter().enumerate().filter(|(bit, _)| rooms >> bit & 1 != 0);
            let rooms = rooms.map(|(_, name)| Room::stored(name)).collect();
            state.connect(session(device), key(device), rooms, NOW);
        }
        Step::Disconnect(device) => state.disconnect(session(device), NOW),
        Step::Append(room, resync, kind) => drop(state.append(&message(room, resync, kind))),
        Step::Ack(device, place) => {
            state.ack_entry(no(state, device), seq(state, device, place), Seq(0));
        }
        Step::Through(device, place) => state.ack_through(no(state, device), seq(state, device, place)),
        Step::Resynced(device) => state.resynced(no(state, device), Seq(u64::MAX)),
    }
}

/// Inboxes and messages tell the same, and so do the counters.
fn whole(state: &mut State) {
    let c = state.counters;
    assert_eq!(c.accepted, c.acked + c.expired + c.resynced + c.dropped + c.queued, "{c:?}");
    let mut waiting: BTreeMap<Seq, Vec<DeviceNo>> = BTreeMap::new();
    for (no, device) in &state.devices {
        assert!(device.inbox.iter().is_sorted_by(|a, b| a < b));
        let bytes: u64 = device.inbox.iter().map(|seq| u64::from(state.bytes_of(*seq))).sum();
        assert_eq!(device.bytes, bytes);
        for seq in &device.inbox {
            assert!(*seq > device.floor, "a restart would lose it");
            waiting.entry(*seq).or_default().push(*no);
        }
    }
    for list in waiting.values_mut() {
        list.sort_unstable();
    }
    assert_eq!(c.queued, waiting.values().map(|list| list.len() as u64).sum::<u64>());
    for (seq, open) in &state.open {
        let due: Vec<DeviceNo> = open.due().collect();
        assert_eq!(due.is_empty(), open.is_settled());
        assert!(!open.is_settled() || state.changes.settled.contains(seq));
        assert_eq!(due, waiting.remove(seq).unwrap_or_default());
    }
    assert!(waiting.is_empty(), "entries without a message");
    assert_eq!(c.devices, state.devices.len() as u64);
    assert_eq!(c.online, state.devices.values().filter(|device| device.carriers.online()).count() as u64);
    for room in ROOMS.map(Room::stored) {
        let members = state.rosters.resolve(&SiteName::new("s").unwrap(), std::slice::from_ref(&room));
        let mut wanted: Vec<DeviceNo> =
            state.devices.iter().filter(|(_, d)| d.rooms.contains(&room)).map(|(no, _)| *no).collect();
        wanted.sort_unstable();
        assert_eq!(*members, *wanted);
    }
}

/// All that an undo must bring back.
fn picture(state: &State) -> String {
    let mut devices: Vec<String> = state
        .devices
        .iter()
        .map(|(no, d)| format!("{no:?} {:?} {:?} {:?} {:?}", d.rooms, d.inbox, d.owes_resync, d.floor))
        .collect();
    devices.sort_unstable();
    format!("{devices:#?}")
}

proptest! {
    #[test]
    fn any_steps_leave_it_whole(rounds in prop::collection::vec(
        (prop::collection::vec(any_step(), 0..8), any::<bool>(), any::<bool>()), 0..12)
    ) {
        let mut state = State::new(DeviceTtl::from_secs(10));
        for (steps, fails, lists) in &rounds {
            for step in steps {
                run(&mut state, step);
                whole(&mut state);
            }
            if *fails { state.undo(NOW) } else { state.saved(*lists) }
            whole(&mut state);
        }
        state.undo(NOW);
        state.saved(true);
        state.expire(NOW + 9_999);
        whole(&mut state);
        state.expire(NOW + 10_000);
        whole(&mut state);
        prop_assert!(state.devices.values().all(|device| device.carriers.online()));
    }

    #[test]
    fn a_failed_round_leaves_no_trace(
        before in prop::collection::vec(any_step(), 0..20),
        round in prop::collection::vec(promises(), 0..12),
    ) {
        let mut state = State::new(DeviceTtl::Never);
        for step in &before {
            run(&mut state, step);
        }
        state.saved(true);
        let (was, counters) = (picture(&state), state.counters);
        for step in &round {
            run(&mut state, step);
        }
        state.undo(NOW);
        prop_assert_eq!(picture(&state), was);
        // Sessions that moved to another device stay ended, as after any failed connect.
        let same = Counters { online: state.counters.online, ..counters };
        prop_assert_eq!(state.counters, same);
        prop_assert!(!state.has_promises() && state.changes.created.is_empty());
    }
}

/// When a device is gone that the file has with `expires`, opened at `NOW` with `ttl` seconds.
fn restored(expires: Option<u64>, ttl: u64) -> Option<u64> {
    let mut state = State::new(DeviceTtl::from_secs(ttl));
    let (no, floor) = (DeviceNo(1), Seq(0));
    let stored = StoredDevice { no, key: key(1), rooms: Vec::new(), expires, owes_resync: None, floor };
    state.restore_device(stored, NOW);
    state.next_expiry()
}

#[test]
fn a_restart_never_makes_a_device_wait_longer_than_the_ttl() {
    assert_eq!(restored(None, 10), Some(NOW + 10_000), "it was online");
    assert_eq!(restored(Some(NOW + 4_000), 10), Some(NOW + 4_000), "its time goes on");
    assert_eq!(restored(Some(NOW - 1), 10), Some(NOW - 1), "its time is over");
    assert_eq!(
        restored(Some(NOW + 99_000), 10),
        Some(NOW + 10_000),
        "the ttl was longer, or the clock ahead"
    );
    assert_eq!(restored(Some(NOW + 4_000), 0), None, "now it never expires");
}

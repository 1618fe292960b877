//! Stores to be moved, and what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use postroom::domain::*;
use postroom::store::moving::*;
use postroom::store::sqlite::{SqliteSource, SqliteTarget};
use tempfile::TempDir;

use crate::support::random::Random;

/// A folder with stores in it, and nothing in the environment.
pub struct Desk(TempDir);

/// What a run of the command came to.
pub struct Outcome {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `postroom migrate --from .. --to ..` and more.
    pub fn command(&self, from: &str, to: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.args(["migrate", "--from", from, "--to", to]).args(more);
        command.current_dir(self.0.path()).env_clear();
        command
    }

    pub fn run(&self, from: &str, to: &str, more: &[&str]) -> Outcome {
        let output = self.command(from, to, more).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let outcome = Outcome {
            success: output.status.success(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert_eq!(outcome.success, !outcome.stdout.is_empty(), "{}{}", outcome.stdout, outcome.stderr);
        outcome
    }

    /// It must work; the summary.
    pub fn moves(&self, from: &str, to: &str, more: &[&str]) -> String {
        let outcome = self.run(from, to, more);
        assert!(outcome.success, "{}", outcome.stderr);
        outcome.stdout
    }

    /// It must not; why.
    pub fn refused(&self, from: &str, to: &str, more: &[&str]) -> String {
        let outcome = self.run(from, to, more);
        assert!(!outcome.success, "{}", outcome.stdout);
        outcome.stderr
    }

    /// Begins to run, to be killed.
    pub fn begin(&self, from: &str, to: &str, more: &[&str]) -> Running {
        let mut command = self.command(from, to, more);
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// What the embedded store in this folder holds.
    pub fn contents(&self, name: &str) -> Contents {
        Contents::of(&self.path(name))
    }
}

/// Killed when dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What waits for a device, oldest first: the bytes of events, and whether they have the option `resync`.
type Inbox = Vec<(Vec<u8>, bool)>;

/// Rooms, whether it owes a resync, for how many minutes it is remembered, and its inbox.
type State = (Vec<Room>, bool, Option<u64>, Inbox);

/// What a store holds, by device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub devices: BTreeMap<DeviceKey, State>,
    /// In the order in which they came to the store.
    pub order: Vec<DeviceKey>,
    pub census: Census,
}

impl Contents {
    pub fn of(dir: &Path) -> Self {
        let mut source = SqliteSource::open(dir).unwrap();
        let census = source.census().unwrap();
        let (mut numbers, mut devices, mut order) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        while let Some(piece) = Some(source.devices().unwrap()).filter(|piece| !piece.is_empty()) {
            for MovedDevice { no, key, rooms, owes_resync, left } in piece {
                let minutes = left.map(|left| (left.as_secs() + 30) / 60);
                numbers.insert(no.0, key.clone());
                order.push(key.clone());
                devices.insert(key, (rooms, owes_resync, minutes, Vec::new()));
            }
        }
        while let Some(piece) = Some(source.messages().unwrap()).filter(|piece| !piece.is_empty()) {
            for message in piece {
                for no in &message.devices {
                    let state: &mut State = devices.get_mut(&numbers[&no.0]).unwrap();
                    state.3.push((message.event.json().to_vec(), message.resync));
                }
            }
        }
        Self { devices, order, census }
    }
}

/// Makes an embedded store with these in it.
pub fn fill(dir: &Path, devices: Vec<MovedDevice>, messages: Vec<MovedMessage>) {
    let mut target = SqliteTarget::open(dir).unwrap();
    target.devices(devices).unwrap();
    target.messages(messages).unwrap();
    target.settle().unwrap();
    target.finish().unwrap();
}

pub fn device(no: u64, site: &str, primary: &str, others: &[&str]) -> MovedDevice {
    let mut rooms: Vec<Room> = others.iter().chain([&primary]).map(|room| Room::stored(room)).collect();
    rooms.sort_unstable();
    let device_id = format!("device {no} \"'{{ä}}").into();
    let key = DeviceKey { site: SiteName::new(site).unwrap(), primary: primary.into(), device_id };
    MovedDevice {
        no: DeviceNo(no),
        key,
        rooms,
        owes_resync: no % 7 == 3,
        left: Some(Duration::from_hours(1)),
    }
}

pub fn message(
    event: impl Into<Bytes>,
    resync: bool,
    devices: impl IntoIterator<Item = u64>,
) -> MovedMessage {
    MovedMessage {
        event: Event::stored(event.into()),
        resync,
        devices: devices.into_iter().map(DeviceNo).collect(),
    }
}

/// Three sites, users with several devices, and all kinds of messages.
pub fn fill_with_all_kinds(dir: &Path) {
    let mut random = Random::seeded();
    let mut devices = Vec::new();
    for no in 1..=60 {
        let (site, user) = (["shop", "desk", "a.b-c_d"][no as usize % 3], format!("user_{}", no / 6));
        let others = ["staff", "zimmer ä\u{1f600}", "all", "user_x"];
        let mut device = device(no, site, &user, &others[..(no as usize / 5) % 5]);
        device.left = match no % 4 {
            0 => None,
            1 => Some(Duration::ZERO),
            _ => Some(Duration::from_mins(no)),
        };
        devices.push(device);
    }
    let mut messages = Vec::new();
    for n in 0..400_u64 {
        // Devices of one site, as rooms are; some have nothing that waits.
        let site = random.below(3) as u64;
        let to: Vec<u64> = (1..=50).filter(|no| no % 3 == site && random.below(4) == 0).collect();
        let event = match n % 5 {
            0 => format!("[\"numbers\",12345678901234567890.10,1e400,{n}]"),
            1 => format!("[\"escapes\",\"\\u0000\\ud800 \\/ \u{1f600}\",  {n} ]"),
            2 => format!("[\"long\",\"{}\",{n}]", "x".repeat(random.below(20_000))),
            _ => format!("[\"short\",{n}]"),
        };
        if !to.is_empty() {
            messages.push(message(event, random.below(5) == 0, to));
        }
    }
    messages.push(message(format!("[\"huge\",\"{}\"]", "y".repeat(3 << 20)), false, [3, 6, 9]));
    fill(dir, devices, messages);
}

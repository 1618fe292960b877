//! Out of one file and into another.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::Connection;

use super::super::health::Clock;
use super::super::{SqliteOptions, recipients, schema};
use super::*;
use crate::domain::{DeviceKey, DeviceNo, DeviceTtl, Durability, Event, Room, SiteName};
use crate::store::moving::{
    Census, MovedDevice, MovedMessage, PIECE_BYTES, PIECE_MESSAGES, Source, Target, carry,
};

const HOUR: Duration = Duration::from_hours(1);

fn create(dir: &Path) -> Connection {
    let files = schema::open(&SqliteOptions::new(dir, Durability::Full, DeviceTtl::Never)).unwrap();
    files.writer
}

fn put_device(db: &Connection, no: i64, left: Option<Duration>, owes: i64, floor: i64) {
    let now = Clock::start().unix_ms(Instant::now());
    let expires = left.map(|left| now.cast_signed() + left.as_millis() as i64);
    let row = (no, format!("d{no}"), expires, owes, floor);
    db.execute("INSERT INTO device VALUES (?1, 's', 'u', ?2, '[\"u\",\"all\"]', ?3, ?4, ?5)", row).unwrap();
}

fn list(devices: &[u64]) -> Vec<u8> {
    let mut list = Vec::new();
    recipients::encode(devices.iter().copied().map(DeviceNo), &mut list);
    list
}

fn put_message(db: &Connection, seq: i64, resync: bool, devices: &[u64], event: &str) {
    let row = (seq, resync, list(devices), event.as_bytes());
    db.execute("INSERT INTO message VALUES (?1, 77, 's', ?2, ?3, ?4)", row).unwrap();
}

/// Three devices, of which one owes a resync, and what waits for them.
fn fill(dir: &Path) {
    let db = create(dir);
    put_device(&db, 3, Some(HOUR), 0, 0);
    put_device(&db, 7, None, 20, 20);
    put_device(&db, 9, Some(HOUR * 2), 0, 10);
    put_message(&db, 10, false, &[3, 7, 9], r#"["only for 3","\u00e4 \u0000", 1.50]"#);
    put_message(&db, 11, true, &[7, 8], r#"["for nobody any more"]"#);
    put_message(&db, 21, true, &[3, 7, 8, 9], r#"["all"]"#);
    put_message(&db, 30, false, &[3, 7], r#"["7"]"#);
    db.execute("INSERT INTO remainder VALUES (30, ?1)", [list(&[7])]).unwrap();
}

/// What a store gives, with its numbers counted from its first device.
fn contents(dir: &Path) -> (Census, Vec<MovedDevice>, Vec<MovedMessage>) {
    let mut source = SqliteSource::open(dir).unwrap();
    let census = source.census().unwrap();
    let (mut devices, mut messages) = (Vec::new(), Vec::new());
    while let Some(piece) = Some(source.devices().unwrap()).filter(|piece| !piece.is_empty()) {
        devices.extend(piece);
    }
    while let Some(piece) = Some(source.messages().unwrap()).filter(|piece| !piece.is_empty()) {
        messages.extend(piece);
    }
    let place = |no: DeviceNo, all: &[MovedDevice]| {
        DeviceNo(all.iter().position(|device| device.no == no).unwrap() as u64)
    };
    for message in &mut messages {
        message.devices.iter_mut().for_each(|no| *no = place(*no, &devices));
    }
    for (no, device) in devices.iter_mut().enumerate() {
        device.no = DeviceNo(no as u64);
        // To the minute: clocks go on between two looks.
        device.left = device.left.map(|left| Duration::from_secs((left.as_secs() + 30) / 60 * 60));
    }
    (census, devices, messages)
}

fn move_over(from: &Path, to: &Path, ttl: DeviceTtl) -> Result<Census, MoveError> {
    let (mut source, mut target) = (SqliteSource::open(from)?, SqliteTarget::open(to)?);
    carry(&mut source, &mut target, ttl, &mut |_| ())
}

#[test]
fn a_source_gives_what_waits_and_nothing_that_is_over() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let before = fs::read(dir.path().join("postroom.db")).unwrap();
    let (census, devices, messages) = contents(dir.path());
    let bytes = (r#"["only for 3","\u00e4 \u0000", 1.50]"#.len() + 3 * r#"["all"]"#.len() + 5) as u64;
    assert_eq!(census, Census { devices: 3, resyncs: 1, messages: 3, entries: 5, bytes });
    let ids: Vec<&str> = devices.iter().map(|device| &*device.key.device_id).collect();
    assert_eq!(ids, ["d3", "d7", "d9"]);
    assert_eq!(devices[1].rooms, [Room::stored("all"), Room::stored("u")]);
    assert_eq!(devices.iter().map(|device| device.owes_resync).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(
        devices.iter().map(|device| device.left).collect::<Vec<_>>(),
        [Some(HOUR), None, Some(HOUR * 2)]
    );
    let all: Vec<(&[u8], bool, Vec<u64>)> = messages
        .iter()
        .map(|m| (m.event.json(), m.resync, m.devices.iter().map(|no| no.0).collect()))
        .collect();
    assert_eq!(
        all,
        [
            (&br#"["only for 3","\u00e4 \u0000", 1.50]"#[..], false, vec![0]),
            (br#"["all"]"#, true, vec![0, 1, 2]),
            (br#"["7"]"#, false, vec![1]),
        ]
    );
    assert_eq!(fs::read(dir.path().join("postroom.db")).unwrap(), before, "it is left as it was");
}

#[test]
fn what_went_into_a_file_comes_out_of_it() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path());
    let ttl = DeviceTtl::After(HOUR * 3);
    let census = move_over(from.path(), to.path(), ttl).unwrap();
    let (mut old, new) = (contents(from.path()), contents(to.path()));
    assert_eq!(census, old.0);
    old.1[1].left = Some(HOUR * 3);
    assert_eq!(old, new);
    let db = Connection::open(to.path().join("postroom.db")).unwrap();
    let numbers = "SELECT seq_ceiling >= (SELECT max(seq) FROM message), device_ceiling = (SELECT max(no) FROM device), \
                   (SELECT min(seq) FROM message) > (SELECT max(owes_resync) FROM device) FROM numbering";
    let fine: [bool; 3] =
        db.query_row(numbers, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).unwrap();
    assert_eq!(fine, [true; 3], "new numbers start behind these, and a resync clears none of the messages");
    assert!(
        fs::read_dir(to.path())
            .unwrap()
            .all(|file| { !file.unwrap().file_name().to_string_lossy().contains("moving") })
    );
}

#[test]
fn a_store_that_was_used_and_is_empty_is_taken_and_its_numbers_go_on() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path());
    create(to.path()).execute("UPDATE numbering SET seq_ceiling = 500, device_ceiling = 40", []).unwrap();
    move_over(from.path(), to.path(), DeviceTtl::Never).unwrap();
    let db = Connection::open(to.path().join("postroom.db")).unwrap();
    let least = "SELECT (SELECT min(seq) FROM message), (SELECT min(no) FROM device)";
    let least: (i64, i64) = db.query_row(least, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(least, (501, 41));
}

#[test]
fn ends_that_must_not_be_used_are_refused_with_the_mend() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = |end: Result<(), MoveError>| match end {
        Err(MoveError::Refused(text)) => text,
        other => panic!("{other:?}"),
    };
    let source = |dir: &Path| refusal(SqliteSource::open(dir).map(drop));
    let target = |dir: &Path| refusal(SqliteTarget::open(dir).map(drop));
    assert!(source(dir.path()).contains("there is no database"), "a missing one is not made");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let running = schema::open(&SqliteOptions::new(dir.path(), Durability::Full, DeviceTtl::Never)).unwrap();
    assert!(source(dir.path()).contains("stop it first"));
    assert!(target(dir.path()).contains("stop it first"));
    put_device(&running.writer, 1, None, 0, 0);
    put_message(&running.writer, 1, false, &[1], "[1]");
    drop(running);
    assert!(target(dir.path()).contains("is not empty: it holds 1 devices and 1 messages"));
    Connection::open(dir.path().join("postroom.db"))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(source(dir.path()).contains("newer Postroom"));
}

#[test]
fn what_was_moved_in_part_is_no_store_and_has_to_go_before_the_next_try() {
    let dir = tempfile::tempdir().unwrap();
    let mut target = SqliteTarget::open(dir.path()).unwrap();
    let key = DeviceKey { site: SiteName::new("s").unwrap(), primary: "u".into(), device_id: "d".into() };
    let device =
        MovedDevice { no: DeviceNo(5), key, rooms: vec![Room::stored("u")], owes_resync: false, left: None };
    target.devices(vec![device]).unwrap();
    let event = Event::stored(Bytes::from_static(b"[1]"));
    let stray = MovedMessage { event, resync: false, devices: vec![DeviceNo(6)] };
    assert!(target.messages(vec![stray]).unwrap_err().to_string().contains("there is no device 6"));
    let cleaning = target.cleaning();
    drop(target);
    assert!(!dir.path().join("postroom.db").exists());
    let again = SqliteTarget::open(dir.path()).map(drop).unwrap_err().to_string();
    assert!(again.contains("did not come to its end") && again.contains(&cleaning), "{again}");
    for file in fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
        if file.display().to_string().contains("postroom.db.moving") {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(SqliteTarget::open(dir.path()).is_ok());
}

#[test]
fn messages_come_in_pieces_and_a_piece_of_none_is_not_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let db = create(dir.path());
    put_device(&db, 1, None, 0, 0);
    let long = "x".repeat(PIECE_BYTES / 2);
    for seq in 1..=4 {
        put_message(&db, seq, false, &[1], &long);
    }
    for seq in (5..).take(PIECE_MESSAGES + 1) {
        put_message(&db, seq, false, &[2], "[]");
    }
    put_message(&db, 9_000, false, &[1], "[9]");
    drop(db);
    let mut source = SqliteSource::open(dir.path()).unwrap();
    source.census().unwrap();
    let pieces: Vec<usize> = (0..4).map(|_| source.messages().unwrap().len()).collect();
    assert_eq!(pieces, [2, 2, 1, 0]);
}

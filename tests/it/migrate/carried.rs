//! What arrives is what was there.

use postroom::store::moving::Source as _;
use postroom::store::sqlite::SqliteSource;

use super::desk::*;
use crate::support::redis::RedisServer;

/// What the settings of these tests make of a device of which the store states no end.
const TTL_MINUTES: u64 = 60;

/// As after a start: nobody is remembered for longer than `device_ttl`.
fn after_a_move(mut contents: Contents) -> Contents {
    for state in contents.devices.values_mut() {
        state.2 = Some(state.2.map_or(TTL_MINUTES, |minutes| minutes.min(TTL_MINUTES)));
    }
    contents
}

#[test]
fn there_and_back_everything_is_as_it_was() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    fill_with_all_kinds(&desk.path("data"));
    let before = desk.contents("data");
    let file = std::fs::read(desk.path("data/postroom.db")).unwrap();
    let said = desk.moves("sqlite:data/postroom.db", &redis.url(), &[]);
    assert!(said.contains("60 devices (9 owe a resync)"), "{said}");
    assert_eq!(std::fs::read(desk.path("data/postroom.db")).unwrap(), file, "the source is as it was");
    assert_eq!(desk.contents("data"), before);

    let digest = redis.cli(&["DEBUG", "DIGEST"]);
    desk.moves(&redis.url(), "sqlite:back", &[]);
    assert_eq!(redis.cli(&["DEBUG", "DIGEST"]), digest, "the source is as it was");
    let (expected, back) = (after_a_move(before), desk.contents("back"));
    assert_eq!(back.devices, expected.devices);
    assert_eq!(back.census.entries, expected.census.entries);
    assert_eq!(back.census.bytes, expected.census.bytes);
}

#[test]
fn a_second_time_there_and_back_changes_nothing_more() {
    let (desk, first, second) = (Desk::new(), RedisServer::start(), RedisServer::start());
    fill_with_all_kinds(&desk.path("data"));
    desk.moves("sqlite:data", &first.url(), &["--redis-shards", "4"]);
    desk.moves(&first.url(), "sqlite:once", &["--redis-shards", "4"]);
    desk.moves("sqlite:once", &second.url(), &["--redis-shards", "4"]);
    desk.moves(&second.url(), "sqlite:twice", &["--redis-shards", "4"]);
    let (once, twice) = (desk.contents("once"), desk.contents("twice"));
    assert_eq!(once, twice, "order of devices and number of messages too");
}

#[test]
fn ten_thousand_recipients_are_one_body_for_each_piece_of_a_shard() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    let devices = (1..=10_000).map(|no| device(no, "shop", &format!("user_{no}"), &["all"])).collect();
    let body = format!("[\"news\",\"{}\"]", "z".repeat(2_000));
    fill(&desk.path("data"), devices, vec![message(body.clone(), false, 1..=10_000)]);
    let said = desk.moves("sqlite:data", &redis.url(), &[]);
    assert!(said.contains("10,000 devices") && said.contains("1 messages in 10,000 entries"), "{said}");
    let count = |pattern: &str| redis.cli(&["--scan", "--pattern", pattern]).lines().count();
    // 625 to a shard, at most 256 of them in one script.
    let bodies = count("postroom{*}:m:*");
    assert!((32..=64).contains(&bodies), "{bodies}");
    assert_eq!(count("postroom{*}:q:*"), 10_000);
    let said = desk.moves(&redis.url(), "sqlite:back", &[]);
    assert!(said.contains(&format!("{bodies} messages in 10,000 entries")), "{said}");
    let back = desk.contents("back");
    assert_eq!(back.census.messages, bodies as u64);
    assert!(back.devices.values().all(|state| state.3 == [(body.clone().into_bytes(), false)]));
}

#[test]
fn all_bodies_together_need_not_fit_into_memory() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    let devices = (1..=4).map(|no| device(no, "shop", &format!("user_{no}"), &["all"])).collect();
    let bodies = (0..100).map(|n| message(vec![b'a' + n % 26; 1 << 20], false, 1..=4)).collect();
    fill(&desk.path("data"), devices, bodies);
    for (from, to) in [("sqlite:data", &*redis.url()), (&*redis.url(), "sqlite:back")] {
        // What the process may ask the system for, in KiB: less than all the bodies.
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", "ulimit -v 90000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_postroom")]);
        shell.args(["migrate", "--from", from, "--to", to]).current_dir(desk.path("")).env_clear();
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let census = |name| SqliteSource::open(&desk.path(name)).unwrap().census().unwrap();
    let (before, after) = (census("data"), census("back"));
    assert_eq!((before.entries, before.bytes), (after.entries, after.bytes));
}

#[test]
fn a_store_with_nothing_in_it_can_be_moved() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    fill(&desk.path("data"), Vec::new(), Vec::new());
    desk.moves("sqlite:data", &redis.url(), &[]);
    desk.moves(&redis.url(), "sqlite:back", &[]);
    assert_eq!(desk.contents("back"), desk.contents("data"));
}

#[test]
fn without_a_terminal_there_are_lines_and_no_bar_that_moves() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    fill_with_all_kinds(&desk.path("data"));
    let outcome = desk.run("sqlite:data", &redis.url(), &[]);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], "counting what there is");
    assert!(lines[1].ends_with("0 of 60 devices"), "{lines:?}");
    assert_eq!(lines.last(), Some(&"counting what has arrived"));
    assert!(!outcome.stderr.contains(['\r', '\x1b']));
}

//! `docs/wire/redis.md` is true: it names every key, field, script and error there is, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use postroom::domain::*;

use super::super::rig::*;
use super::bench::Place;
use crate::support::redis::RedisServer;

const PAGE: &str = include_str!("../../../../../docs/wire/redis.md");

/// What stands between two headings.
fn part(from: &str, to: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n{from}\n")).expect(from);
    rest.split_once(&format!("\n{to}\n")).expect(to).0
}

/// Rows of the tables in a part that begin with code, by column.
fn rows(part: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').skip(1).map(str::trim).collect())
}

/// What stands between backquotes.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `u:<room>` is `u:`, and `h` is `h`.
fn kind(name: &str) -> String {
    name.split_inclusive(':').next().unwrap_or_default().to_owned()
}

/// Types of keys, by kind.
fn keys() -> BTreeMap<String, &'static str> {
    let keys = rows(part("## Keys", "### The head"));
    keys.map(|row| (kind(row[0].trim_matches('`').strip_prefix("P ").unwrap()), row[1])).collect()
}

fn fields() -> BTreeSet<String> {
    rows(part("### The head", "### Refs and Seq")).flat_map(|row| code(row[0]).map(kind)).collect()
}

fn source(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/redis/scripts").join(path))
        .unwrap()
}

/// All Lua there is.
fn lua() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/redis/scripts/lua");
    let files =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.map(|file| source(&format!("lua/{file}"))).collect()
}

/// What follows `before` in a text, up to one of these.
fn behind(text: &str, before: &str, up_to: &[char]) -> BTreeSet<String> {
    text.split(before).skip(1).map(|rest| rest.split(up_to).next().unwrap().to_owned()).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn names_in_the_scripts_are_those_of_the_page() {
    let lua = lua();
    let mut named = behind(&lua, "P .. '", &['\'']);
    assert!(named.remove("n:"), "the channel of a node");
    assert!(part("## Channels", "## Scripts").contains("`P n:<node>`"));
    assert_eq!(named, keys().into_keys().collect());
    for field in fields() {
        assert!(lua.contains(&format!("'{field}")), "the head has no field {field}");
    }
    let errors = rows(part("### Errors", "## Versions"));
    let documented = errors.map(|row| code(row[0]).next().unwrap().split(' ').next().unwrap().to_owned());
    assert_eq!(behind(&lua, "error_reply('", &[' ', '\'']), documented.collect());
}

#[test]
fn scripts_are_those_of_the_page() {
    let texts = source("texts.rs");
    let scripts = texts.lines().filter_map(|line| line.trim().split_once(": script(&["));
    let documented = rows(part("## Scripts", "### Errors"));
    let documented: BTreeSet<String> = documented.map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(set(scripts.map(|(name, _)| name)), documented);
    assert!(documented.len() > 10);
}

/// The first and only device of a user.
fn device(user: u32) -> DeviceKey {
    DeviceKey { site: site("demo"), primary: format!("user_{user}").into(), device_id: "a".into() }
}

/// A little of everything.
fn use_it(rig: &mut Rig<'_>) {
    for user in 1..8 {
        let (own, news) = (format!("user_{user}"), format!("news_{user}"));
        rig.connect_with(session(0, user), device(user), &[&news, "staff", &own], WIDE);
    }
    let (other, _) = rig.connect(session(1, 1), "other", &["staff", "user_1"]);
    rig.send(message("[1]", &["staff"]));
    rig.send(resync("[2]", &["user_1"]));
    rig.send(resync("[3]", &["user_2"]));
    let few = QueueBounds { max_messages: 1, max_bytes: 1000, policy: BoundPolicy::Resync };
    rig.send(Message { bounds: few, ..message("[4]", &["user_3"]) });
    let (entry, _) = rig.inbox(other, WIDE)[0];
    rig.ack(&[postroom::store::Ack::Entry(other, Seq(entry))]);
    // It leaves a room that nobody else is in.
    rig.connect_with(session(0, 4), device(4), &["staff", "user_4"], WIDE);
    rig.disconnect(session(0, 5));
}

/// Rights of a user, as the page has them, for another prefix.
fn rights(prefix: &str) -> Vec<String> {
    let line = PAGE.split("\n* ").find(|item| item.starts_with("A user with few rights")).unwrap();
    let rights = code(line).flat_map(str::split_whitespace).filter(|word| word.starts_with(['~', '&', '+']));
    rights.map(|right| right.replace("postroom", prefix)).collect()
}

#[test]
fn a_live_server_has_only_what_the_page_names_and_few_rights_are_enough() {
    const LIST: &str = "local all = {} for _, k in ipairs(redis.call('KEYS', ARGV[1])) do \
        all[#all + 1] = redis.call('TYPE', k).ok .. ' ' .. k end return all";
    let server = Arc::new(RedisServer::start());
    let place = Place::on(Arc::clone(&server), "few:rights@");
    let prefix = place.prefix();
    let rights = rights(prefix);
    assert!(rights.len() > 8, "{rights:?}");
    let user: Vec<&str> = ["ACL", "SETUSER", "few", "on", ">rights"].into_iter().collect();
    let command: Vec<&str> = user.into_iter().chain(rights.iter().map(String::as_str)).collect();
    assert_eq!(server.cli(&command), "OK");
    let mut rig = Rig::new(&place);
    use_it(&mut rig);

    let known = keys();
    let mut seen = BTreeSet::new();
    let list = server.cli(&["EVAL", LIST, "0", "*"]);
    for line in list.lines() {
        let (kind_of_value, key) = line.split_once(' ').unwrap();
        let (shard, name) = key.split_once("}:").unwrap();
        assert!(shard.starts_with(&format!("{prefix}{{")), "{key}");
        let kind = kind(name);
        assert_eq!(known.get(&kind), Some(&kind_of_value), "{key}");
        seen.insert(kind);
        if name == "h" {
            for field in server.cli(&["HKEYS", key]).lines() {
                assert!(fields().contains(&self::kind(field)), "{field}");
            }
        }
    }
    for usual in ["u:", "r:", "d:", "s", "q:", "m:", "refs", "rs", "exp", "x:", "xg", "lease", "h"] {
        assert!(seen.contains(usual), "no {usual} in\n{list}");
    }
    assert_eq!(server.cli(&["ACL", "LOG"]), "", "a right is missing");
    rig.store().close();

    server.cli(&["SET", "somebody else's", "1"]);
    let (_, block) = PAGE.split_once("<!-- test: empty -->\n```sh\n").unwrap();
    let (command, _) = block.split_once("\n```").unwrap();
    let socket = format!("redis-cli -s {}", server.socket().display());
    let command = command.replace("redis-cli", &socket).replace("postroom", prefix);
    assert!(Command::new("sh").args(["-c", &command]).output().unwrap().status.success());
    assert_eq!(server.cli(&["EVAL", LIST, "0", "*"]), "string somebody else's");
}

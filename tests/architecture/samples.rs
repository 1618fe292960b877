//! Each rule on a sample that breaks it, and on one that looks as if it did.

use super::rules::{faces, forbidden, homeless, imports, lengths, names, openings, outside_crates};
use super::source::Source;

fn broken(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text))
}

/// Breaks the rule once, in this line, and says this.
fn breaks(rule: fn(&Source) -> Vec<String>, path: &str, text: &str, line: usize, says: &str) {
    let broken = broken(rule, path, text);
    assert_eq!(broken.len(), 1, "{text}: {broken:?}");
    assert!(broken[0].starts_with(&format!("{path}:{line}: ")) && broken[0].contains(says), "{broken:?}");
}

fn passes(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) {
    assert_eq!(broken(rule, path, text), Vec::<String>::new(), "{text}");
}

#[test]
fn a_wrong_import_is_seen_however_it_is_written() {
    for text in [
        "use crate::gateway::Gateway;",
        "use crate::{domain::Site, gateway::{Gateway, Order}};",
        "pub(crate) use crate::gateway::Gateway;",
        "use super::super::gateway::Gateway;",
        "fn f() { crate::gateway::f() }",
        "fn f() { super::super::gateway::f() }",
        "impl crate::gateway::Thing for X {}",
    ] {
        breaks(imports, "src/hub/frame.rs", &format!("\n{text}"), 2, "hub imports gateway");
    }
    breaks(imports, "src/hub/mod.rs", "use super::store::Store;", 1, "hub imports store");
    breaks(imports, "src/main.rs", "use postroom::gateway::Gateway;", 1, "main imports gateway");
    breaks(imports, "src/transport/engine/core.rs", "use crate::gateway::Gateway;", 1, "transport/engine");
    breaks(imports, "src/newroom/mod.rs", "", 1, "not in the table");
    breaks(imports, "src/gateway/send.rs", "use crate::store::sqlite::SqliteStore;", 1, "only in app");
    breaks(imports, "src/gateway/send.rs", "use crate::store::{Store, sqlite};", 1, "only in app");
    breaks(imports, "src/domain/room.rs", "use crate::hub::Hub;", 1, "it may import nothing");
}

#[test]
fn what_only_looks_like_a_wrong_import_is_let_pass() {
    for text in [
        "use crate::domain::Site;",
        "use super::outbox::Outbox;",
        "use crate::hub::Frame;",
        "// use crate::gateway::Gateway;",
        "const A: &str = \"use crate::gateway::Gateway;\"; const B: &str = r#\"\"crate::gateway::X\"#;",
        "pub(crate) struct Gateway; fn gateway() {}",
        "#[cfg(test)]\nmod tests {\n    use crate::gateway::Gateway;\n}",
        "const C: char = '\"'; // \"\nfn f<'a>(x: &'a str) -> char { '\\'' }",
    ] {
        passes(imports, "src/hub/frame.rs", text);
    }
    passes(imports, "src/app/serve.rs", "use crate::store::sqlite::SqliteStore;");
    passes(imports, "src/hub/tests.rs", "use crate::gateway::Gateway;");
}

#[test]
fn an_outside_crate_away_from_home_is_seen() {
    for text in [
        "use rusqlite::Connection;",
        "fn f() -> rusqlite::Result<()> {}",
        "use rusqlite;",
        "use ::rusqlite::X;",
    ] {
        breaks(outside_crates, "src/gateway/send.rs", text, 1, "its home is store/sqlite");
    }
    breaks(outside_crates, "src/store/mod.rs", "use rusqlite::Connection;", 1, "rusqlite");
    breaks(outside_crates, "src/api/send.rs", "\n\nuse anyhow::Context as _;", 3, "anyhow");
    breaks(outside_crates, "src/domain/site.rs", "use tokio::sync::Notify;", 1, "tokio");
    passes(outside_crates, "src/store/sqlite/load.rs", "use rusqlite::Connection;");
    passes(outside_crates, "src/gateway/send.rs", "use super::url::X; fn clap() {} // clap::Parser");
    passes(outside_crates, "src/hub/frame.rs", "#[cfg(test)]\nmod tests { use serde_json::json; }");
}

#[test]
fn a_dependency_without_a_home_is_seen() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\n# A comment = 1.\ntokio = \"1\"\nleft-pad = \"1\"\n\n[dev-dependencies]\nother = \"1\"\n";
    assert_eq!(homeless(manifest), ["Cargo.toml:7: left_pad has no home (house.rs, HOMES)"]);
}

#[test]
fn what_is_too_long_is_seen() {
    breaks(lengths, "src/hub/long.rs", &"//\n".repeat(401), 400, "401 lines");
    passes(lengths, "src/hub/long.rs", &"//\n".repeat(400));
    let function = |lines: usize| format!("\nfn long(a: [u8; 3]) {{\n{}}}\n", "    f();\n".repeat(lines - 2));
    breaks(lengths, "src/hub/x.rs", &function(61), 2, "fn long has 61 lines");
    passes(lengths, "src/hub/x.rs", &function(60));
    passes(lengths, "src/hub/x.rs", "trait T {\n    fn f();\n}\ntype F = fn(u8) -> u8;");
}

#[test]
fn a_silent_face_is_seen() {
    breaks(faces, "src/hub/mod.rs", "use std::rc::Rc;\n", 1, "no //!");
    passes(faces, "src/hub/mod.rs", "//! The hub.\n");
    passes(faces, "src/hub/frame.rs", "use std::rc::Rc;\n");
}

#[test]
fn what_is_open_for_more_than_fuzzing_is_seen() {
    for text in ["pub mod fuzzing;", "#[cfg(fuzzing)]\npub mod fuzzing;", "#[doc(hidden)]\npub mod fuzzing;"]
    {
        breaks(openings, "src/hub/mod.rs", text, text.lines().count(), "open to everybody");
    }
    passes(openings, "src/hub/mod.rs", "#[cfg(fuzzing)]\n#[doc(hidden)]\npub mod fuzzing; // mod fuzzing;");
}

#[test]
fn an_empty_name_is_seen() {
    for named in
        ["struct RoomManager;", "pub enum Handler {}", "trait StoreService {}", "type UserInfo = u8;"]
    {
        assert_eq!(broken(names, "src/hub/x.rs", named).len(), 1, "{named}");
    }
    breaks(names, "src/hub/util/mod.rs", "//! x", 1, "attic");
    breaks(names, "src/common.rs", "//! x", 1, "attic");
    passes(names, "src/hub/x.rs", "struct Clientele; struct DatabaseFile; // struct Manager\nfn info() {}");
}

#[test]
fn what_is_never_written_is_seen() {
    breaks(forbidden, "src/hub/x.rs", "\nfn f() { unsafe { g() } }", 2, "no unsafe");
    breaks(forbidden, "src/hub/x.rs", "fn f() { todo!() }", 1, "unfinished");
    breaks(forbidden, "tests/it/x.rs", "#[ignore = \"slow\"]\nfn f() {}", 1, "proves nothing");
    breaks(forbidden, "tests/it/x.rs", "#[test]\n#[ignore]\nfn f() {}", 2, "proves nothing");
    passes(
        forbidden,
        "src/hub/x.rs",
        "#![forbid(unsafe_code)] // unsafe\nfn ignore() { let todo = \"unsafe\"; }",
    );
}

//! The rules of the house, read from the source as text. They fail the build: a rule that is only written down
//! is broken by the next one in a hurry.
//!
//! Who may import whom and where each outside crate lives stands in `architecture/house.rs`; to change it is a
//! decision, and belongs into `docs/adr`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

use std::path::{Path, PathBuf};

#[path = "architecture/house.rs"]
mod house;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/samples.rs"]
mod samples;
#[path = "architecture/source.rs"]
mod source;

use source::Source;

/// Every Rust file below a folder of the package, by its path from there.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() && !path.ends_with("node_modules") => folders.push(path),
                Some(extension) if extension == "rs" => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| Source::new(&name(path), &std::fs::read_to_string(path).unwrap())).collect()
}

fn hold(sources: &[Source], rule: fn(&Source) -> Vec<String>) {
    assert!(sources.len() > 10, "the sources were not found");
    let broken: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn rooms_import_only_what_they_may() {
    hold(&sources("src"), rules::imports);
}

#[test]
fn outside_crates_stay_in_their_homes() {
    hold(&sources("src"), rules::outside_crates);
}

#[test]
fn every_dependency_has_a_home() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let broken = rules::homeless(&manifest);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn files_and_functions_are_short() {
    hold(&[sources("src"), sources("tests")].concat(), rules::lengths);
}

#[test]
fn every_room_says_what_it_is_for() {
    hold(&sources("src"), rules::faces);
}

#[test]
fn names_say_what_a_thing_is() {
    hold(&sources("src"), rules::names);
}

#[test]
fn rooms_are_open_for_fuzzing_alone() {
    hold(&sources("src"), rules::openings);
}

#[test]
fn nothing_forbidden_is_written() {
    hold(&[sources("src"), sources("tests")].concat(), rules::forbidden);
}

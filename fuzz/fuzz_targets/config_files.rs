//! `config.yml` and `sites.yml`: two texts, with a line `%%` between them; and the whole as a JSON file of a bench.
//!
//! What is wrong is said with its place, and never quotes what came out of the environment; what is in order is in order as
//! a whole, and is the same when it is read again.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use postroom::config::Place;
use postroom::config::fuzzing::{bench_file, settings};

const SECRET: &str = "hunter2-hunter2-hunter2";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (config, sites) = text.split_once("%%\n").unwrap_or(("", text));
    let env: BTreeMap<String, String> = [
        ("KEY", SECRET),
        ("EMPTY", ""),
        ("PORT_", "8080"),
        ("URL", "https://shop.example/auth?key=hunter2-hunter2-hunter2"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let problems = match settings(config, sites, env.clone()) {
        Ok(read) => {
            assert!(!read.sites.is_empty());
            let again = settings(config, sites, env).expect("it was in order a moment ago");
            assert_eq!(format!("{read:?}"), format!("{again:?}"));
            assert!(!format!("{:?}", read.sites[0].api_key).contains(SECRET));
            read.warnings
        }
        Err(problems) => {
            assert!(!problems.errors.is_empty());
            [problems.errors, problems.warnings].concat()
        }
    };
    let lines = |text: &str| text.chars().filter(|c| matches!(c, '\n' | '\r')).count() as u64 + 1;
    for problem in problems {
        let shown = problem.to_string();
        assert!(!shown.contains(SECRET) || text.contains(SECRET), "{shown}");
        if let Place::File { file, line, .. } = &problem.place {
            let text = if file == "config.yml" { config } else { sites };
            assert!((1..=lines(text)).contains(line), "{shown}");
        }
    }
    for problem in bench_file(text) {
        let Place::File { line, column, .. } = problem.place else { panic!("{problem}: no place") };
        // One more than there are: where the text ends too early.
        let columns = text.lines().map(str::len).max().unwrap_or_default() as u64 + 1;
        assert!((1..=lines(text)).contains(&line) && (1..=columns).contains(&column), "{problem}");
    }
});

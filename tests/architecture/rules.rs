//! The rules. Each names what breaks it: `file:line: what is wrong (rule)`.

use super::house::{ATTICS, CONCRETE, EMPTY_NAMES, FILE_LINES, FUNCTION_LINES, HOMES, IMPORTS};
use super::source::{Source, bracketed, name, words};

/// The entry of a table whose key is the longest prefix of a path.
fn entry<'a>(table: &'a [(&'a str, &'a [&'a str])], path: &str) -> Option<&'a (&'a str, &'a [&'a str])> {
    let fits = |key: &str| {
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    };
    table.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len())
}

fn is_below(path: &str, home: &str) -> bool {
    path == home || path.strip_prefix(home).is_some_and(|rest| rest.starts_with('/'))
}

/// A path from the root of the crate: where it stands, and its first names.
struct Import<'a> {
    at: usize,
    names: Vec<(&'a str, &'a str)>,
}

/// The first two names of every path in `code`, which is one path or a group of some in braces.
fn heads(code: &str) -> Vec<(&str, &str)> {
    let code = code.trim_start();
    if !code.starts_with('{') {
        let room = name(code);
        let rest = code[room.len()..].strip_prefix("::").unwrap_or_default();
        if rest.starts_with('{') {
            return heads(rest).into_iter().map(|(part, _)| (room, part)).collect();
        }
        return vec![(room, name(rest))];
    }
    let group = bracketed(code);
    let inner = &group[1..group.len() - 1];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).flat_map(heads).collect()
}

/// Every path that begins at the root of the crate, however it gets there.
fn from_root(source: &Source) -> Vec<Import<'_>> {
    let (code, depth) = (source.shipped.as_str(), source.modules().len());
    let mut imports = Vec::new();
    for root in ["crate", "postroom"] {
        for at in words(code, root) {
            if let Some(rest) = code[at + root.len()..].strip_prefix("::") {
                imports.push(Import { at, names: heads(rest) });
            }
        }
    }
    for at in words(code, "super").filter(|at| !code[..*at].ends_with("super::")) {
        let (mut rest, mut ups) = (&code[at..], 0);
        while let Some(next) = rest.strip_prefix("super::") {
            (rest, ups) = (next, ups + 1);
        }
        if ups >= depth {
            imports.push(Import { at, names: heads(rest) });
        }
    }
    imports
}

/// A room imports only what it may.
pub fn imports(source: &Source) -> Vec<String> {
    let Some((key, allowed)) = entry(IMPORTS, source.place()) else {
        return vec![format!("{}:1: this room is not in the table (house.rs, IMPORTS)", source.path)];
    };
    let own = source.modules().first().copied().unwrap_or_default();
    let mut broken = Vec::new();
    for Import { at, names } in from_root(source) {
        for (room, part) in names {
            let is_room = IMPORTS.iter().any(|(known, _)| *known == room);
            if is_room && room != own && !allowed.contains(&room) {
                let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                broken.push(format!(
                    "{}: {key} imports {room} (direction: it may import {may})",
                    source.at(at)
                ));
            } else if CONCRETE.contains(&(room, part)) && room != own && own != "app" {
                broken.push(format!(
                    "{}: {key} names {room}::{part} (concrete pieces are named only in app)",
                    source.at(at)
                ));
            }
        }
    }
    broken.dedup();
    broken
}

/// An outside crate is used only at home, and only crates that have one.
pub fn outside_crates(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    for (outside, homes) in HOMES {
        if homes.iter().any(|home| is_below(source.place(), home)) {
            continue;
        }
        let uses = words(&source.shipped, outside).filter(|at| {
            let (before, after) = (&source.shipped[..*at], &source.shipped[at + outside.len()..]);
            let is_ours =
                before.ends_with("::") && !before.trim_end_matches("::").ends_with([' ', '\n', '(', '<']);
            let is_import = before.ends_with("use ") && after.starts_with([';', ' ']);
            let is_shadowed = *outside == "config"; // a room of the house has the same name
            !is_ours && (after.starts_with("::") || is_import) && !is_shadowed
        });
        broken.extend(uses.map(|at| {
            format!(
                "{}: {outside} is used here (outside crates: its home is {})",
                source.at(at),
                homes.join(", ")
            )
        }));
    }
    broken
}

/// Dependencies that no line of the table gives a home.
pub fn homeless(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().enumerate();
    let lines = lines.skip_while(|(_, line)| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|(_, line)| !line.starts_with('['));
    let named =
        lines.filter_map(|(at, line)| Some((at + 1, line.split_once('=')?.0.trim().replace('-', "_"))));
    let homeless =
        named.filter(|(_, name)| !name.starts_with('#') && HOMES.iter().all(|(known, _)| known != name));
    homeless.map(|(at, name)| format!("Cargo.toml:{at}: {name} has no home (house.rs, HOMES)")).collect()
}

/// Where the body of a function begins; none where it has none.
fn body(function: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += function[at..].find(['{', ';', '(', '['])?;
        match function.as_bytes()[at] {
            b'{' => return Some(at),
            b';' => return None,
            // An array type has a semicolon of its own.
            _ => at += bracketed(&function[at..]).len(),
        }
    }
}

/// Files and functions end before one loses the thread.
pub fn lengths(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES {
        broken.push(format!("{}:{FILE_LINES}: {lines} lines (a file has at most {FILE_LINES})", source.path));
    }
    for at in words(&source.code, "fn") {
        let rest = &source.code[at..];
        let function = name(rest[2..].trim_start());
        let Some(opening) = body(rest).filter(|_| !function.is_empty()) else { continue };
        let lines = rest[..opening + bracketed(&rest[opening..]).len()].lines().count();
        if lines > FUNCTION_LINES {
            broken.push(format!(
                "{}: fn {function} has {lines} lines (a function has at most {FUNCTION_LINES})",
                source.at(at)
            ));
        }
    }
    broken
}

/// The face of a room says what lives there.
pub fn faces(source: &Source) -> Vec<String> {
    let silent = source.path.ends_with("/mod.rs") && !source.text.starts_with("//!");
    let broken =
        format!("{}:1: no //! at the beginning (the face of a room says what it is for)", source.path);
    silent.then_some(broken).into_iter().collect()
}

/// No names that fit everything.
pub fn names(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    for word in ["struct", "enum", "trait", "type", "union"] {
        for at in words(&source.code, word) {
            let named = name(source.code[at + word.len()..].trim_start());
            if let Some(empty) = EMPTY_NAMES.iter().find(|empty| named.ends_with(**empty)) {
                broken.push(format!("{}: {word} {named} (names: not {empty})", source.at(at)));
            }
        }
    }
    if let Some(attic) = source.modules().iter().find(|module| ATTICS.contains(module)) {
        broken.push(format!("{}:1: a room named {attic} (names: it would become an attic)", source.path));
    }
    broken
}

/// What a room shows to the fuzz targets is there for them alone.
pub fn openings(source: &Source) -> Vec<String> {
    let behind = "#[cfg(fuzzing)]\n#[doc(hidden)]\npub mod ";
    let open = words(&source.code, "fuzzing").filter(|at| {
        let before = &source.code[..*at];
        before.ends_with("mod ") && !before.ends_with(behind)
    });
    open.map(|at| {
        format!("{}: mod fuzzing is open to everybody (put it behind its cfg, hidden)", source.at(at))
    })
    .collect()
}

/// What is never written.
pub fn forbidden(source: &Source) -> Vec<String> {
    let found = |text: &'static str, rule: &'static str| {
        let places = words(&source.code, text).map(move |at| (at, text, rule));
        places.filter(|(at, text, _)| *text != "ignore" || source.code[..*at].ends_with("#["))
    };
    let found = found("unsafe", "no unsafe code")
        .chain(found("todo!", "unfinished work is not committed"))
        .chain(found("unimplemented!", "unfinished work is not committed"))
        .chain(found("ignore", "a test that is not run proves nothing"));
    found.map(|(at, text, rule)| format!("{}: {text} ({rule})", source.at(at))).collect()
}

//! The layers below the settings. The first byte says what follows: `e` a text with `${..}`, `t` a time, `s` a size, `o` an
//! origin, `y` YAML.
//!
//! References are replaced as another reader replaces them; a time and a size are shown in a way that means the same; YAML is
//! the same tree when it is written as JSON, which is YAML as well.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use postroom::config::fuzzing::{Tree, expand_text, origin, size, time, tree};

fuzz_target!(|data: &[u8]| {
    let Some((kind, Ok(text))) = data.split_first().map(|(kind, rest)| (kind, std::str::from_utf8(rest)))
    else {
        return;
    };
    match kind {
        b'e' => references(text),
        b't' => {
            if let Some((length, shown)) = time(text) {
                assert_eq!(time(&shown).map(|(again, _)| again), Some(length), "{shown}");
            }
        }
        b's' => {
            if let Some((bytes, shown)) = size(text) {
                assert_eq!(size(&shown).map(|(again, _)| again), Some(bytes), "{shown}");
            }
        }
        b'o' => {
            if let Some(stated) = origin(text) {
                assert_eq!(origin(&stated).as_ref(), Some(&stated));
            }
        }
        b'y' => yaml(text),
        _ => {}
    }
});

fn references(text: &str) {
    let env: BTreeMap<String, String> =
        [("KEY", "s3cret"), ("EMPTY", ""), ("D", "${KEY}")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    let read = expand_text(text, &env);
    let expected = replaced(text, &env);
    match read {
        Ok(read) => assert_eq!(Some(read.unwrap_or_else(|| text.to_owned())), expected),
        Err(_) => assert_eq!(expected, None),
    }
}

/// Read from the left, character by character.
fn replaced(text: &str, env: &BTreeMap<String, String>) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("$${") {
            out.push_str("${");
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("${") {
            let (reference, behind) = behind.split_once('}')?;
            let (name, default) = reference.split_once(":-").map_or((reference, None), |(n, d)| (n, Some(d)));
            let mut bytes = name.bytes();
            let first = bytes.next()?;
            let fits = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
            if !fits(first) || !bytes.all(|byte| fits(byte) || byte.is_ascii_digit()) {
                return None;
            }
            let value = env.get(name).map(String::as_str).filter(|value| !value.is_empty());
            out.push_str(value.or(default)?);
            rest = behind;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    Some(out)
}

fn yaml(text: &str) {
    let Some(read) = tree(text) else { return };
    let mut json = String::new();
    write(&read, &mut json);
    // Only what JSON and YAML write alike: no control characters, no keys that are longer than YAML takes.
    let plain =
        !json.contains(|c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\\'));
    if plain && json.len() < 1000 {
        assert_eq!(tree(&json).as_ref(), Some(&read), "{json}");
    }
}

fn write(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Text(text) => quote(text, out),
        Tree::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                quote(key, out);
                out.push_str(": ");
                write(value, out);
            }
            out.push('}');
        }
        Tree::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(item, out);
            }
            out.push(']');
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a string is JSON"));
}

//! The JSON files of a bench.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::given::{Flat, Given, may_hold_secret};
use super::super::load::read_file;
use super::super::problem::{Findings, Place};
use super::super::schema::{self, BENCH, Kind};

/// The keys of a file, each with the place of its value.
type Keys<'a> = BTreeMap<String, &'a RawValue>;

/// What a file of the bench gives. One that is not there gives nothing; keys that are not for a realtime server are those of
/// other processes.
pub(super) fn read(path: &Path, findings: &mut Findings) -> Flat {
    let file = path.display().to_string();
    let Some(text) = read_file(path, false, "", findings) else { return Flat::new() };
    let Some(keys) = keys(&file, &text, findings) else { return Flat::new() };
    let mut flat = Flat::new();
    for (name, raw) in &keys {
        let Some(key) = schema::find(BENCH, name) else { continue };
        let Some(value) = truthy(raw) else { continue };
        let place = position(&file, &text, raw);
        if let Kind::Unused(why) = key.kind {
            findings.warn(&place, key.path, why);
            continue;
        }
        let written = text_of(&value);
        if written.is_none() {
            findings.error(&place, key.path, "must be a single value, not a list or an object");
        }
        let shown = !may_hold_secret(key.path);
        flat.insert(key.path, Given { place, text: written, read_as: None, shown });
    }
    flat
}

/// Which of the keys `wanted` a file has, and where. Nothing where it cannot be read: that is not for us to say.
pub(super) fn places(path: &Path, wanted: &[&'static str]) -> Vec<(&'static str, Place)> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let keys = keys(&file, &text, &mut Findings::default()).unwrap_or_default();
    let found = wanted.iter().filter_map(|key| Some((*key, position(&file, &text, keys.get(*key)?))));
    found.collect()
}

fn keys<'a>(file: &str, text: &'a str, findings: &mut Findings) -> Option<Keys<'a>> {
    match serde_json::from_str(text) {
        Ok(keys) => Some(keys),
        Err(error) => {
            let (line, column) = (error.line().max(1) as u64, error.column().max(1) as u64);
            let place = Place::File { file: file.to_owned(), line, column };
            findings.error(&place, "", what_is_wrong(&error));
            None
        }
    }
}

/// Without what stands there, which may be a secret.
fn what_is_wrong(error: &serde_json::Error) -> String {
    if error.is_data() {
        return "must be a JSON object with settings".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("not valid JSON: {text}")
}

/// What JavaScript calls falsy (0, "", null, false) is never taken.
fn truthy(raw: &RawValue) -> Option<Value> {
    let value: Value = serde_json::from_str(raw.get()).ok()?;
    let falsy = match &value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => false,
    };
    (!falsy).then_some(value)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Array(_) | Value::Object(_) => None,
        single => Some(single.to_string()),
    }
}

/// Where a value stands: what was read is a piece of the text.
fn position(file: &str, text: &str, raw: &RawValue) -> Place {
    let start = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place::File { file: file.to_owned(), line: line as u64, column: column as u64 }
}

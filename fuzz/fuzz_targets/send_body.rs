//! Bodies of `/send`. The first byte is the kind: `j` JSON, `f` form, `n` without a media type, `x` another one.
//!
//! JSON is taken exactly where `serde_json` reads an object with rooms and an event name; the event goes out to the letter,
//! and is an array that begins with the name. What a form comes to is that as well.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use postroom::api::fuzzing::body;
use postroom::domain::RESERVED_EVENTS;
use serde_json::value::RawValue;

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    let kind = match kind {
        b'j' => Some("application/json"),
        b'f' => Some("application/x-www-form-urlencoded"),
        b'n' => None,
        b'x' => Some("text/csv"),
        _ => return,
    };
    let read = body(bytes, kind);
    assert!(kind != Some("text/csv") || read.is_err());
    let looks_like_json = bytes.trim_ascii_start().starts_with(b"{");
    if let Ok((rooms, event)) = &read {
        // A form may need six bytes for one.
        assert!(event.len() <= 6 * bytes.len() + 16 && rooms.len() <= bytes.len());
        let event: Vec<&RawValue> = serde_json::from_slice(event).expect("no array of JSON");
        let name: String = serde_json::from_str(event.first().expect("no name").get()).expect("no name");
        assert!(!RESERVED_EVENTS.contains(&name.as_str()));
    }
    match kind {
        Some("application/x-www-form-urlencoded") if !looks_like_json => {
            if let Ok((rooms, event)) = read {
                is_that_form(bytes, &rooms, &event);
            }
        }
        Some("text/csv") => {}
        _ => is_that_json(bytes, read),
    }
});

/// Rooms, name and args of an object; `None` where something is missing or of another kind. A key that stands twice is
/// not compared.
fn reference(bytes: &[u8]) -> Option<(Vec<String>, String, Vec<String>)> {
    let fields: HashMap<String, &RawValue> = serde_json::from_slice(bytes).ok()?;
    let rooms = fields.get("rooms")?.get();
    let rooms =
        serde_json::from_str::<String>(rooms).map(|room| vec![room]).or_else(|_| serde_json::from_str(rooms));
    let rooms: Vec<String> = rooms.ok()?;
    let name: String = serde_json::from_str(fields.get("event")?.get()).ok()?;
    let args = fields.get("args").map_or("null", |args| args.get());
    let args = match serde_json::from_str::<Vec<&RawValue>>(args) {
        Ok(list) => list.iter().map(|arg| arg.get().to_owned()).collect(),
        Err(_) => vec![args.to_owned()],
    };
    let fits = !rooms.is_empty() && !RESERVED_EVENTS.contains(&name.as_str());
    fits.then_some((rooms, name, args))
}

fn is_that_json(bytes: &[u8], read: Result<(Vec<String>, Vec<u8>), String>) {
    // What stands in a key that means nothing is passed over, and need not be UTF-8.
    if std::str::from_utf8(bytes).is_err() || matches!(&read, Err(why) if why.contains("duplicate field")) {
        return;
    }
    let read = read.ok().map(|(rooms, event)| {
        let event: Vec<&RawValue> = serde_json::from_slice(&event).unwrap();
        let name: String = serde_json::from_str(event[0].get()).unwrap();
        let args: Vec<String> = event[1..].iter().map(|arg| arg.get().to_owned()).collect();
        (rooms, name, args)
    });
    assert_eq!(read, reference(bytes));
}

fn is_that_form(bytes: &[u8], rooms: &[String], event: &[u8]) {
    let fields: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().collect();
    let name = |key: &str| key.split('[').next().unwrap_or_default().to_owned();
    let of = |wanted: &str| -> Vec<&String> {
        fields.iter().filter(|(key, _)| name(key) == wanted).map(|(_, value)| value).collect()
    };
    assert_eq!(rooms.iter().collect::<Vec<_>>(), of("rooms"));
    let event: Vec<serde_json::Value> = serde_json::from_slice(event).unwrap();
    assert_eq!(event[0].as_str(), of("event").last().map(|name| name.as_str()));
    let args = of("args");
    match &event[1..] {
        [serde_json::Value::Null] => assert!(args.is_empty()),
        [serde_json::Value::Object(object)] => {
            assert!(object.values().all(|value| args.iter().any(|arg| Some(arg.as_str()) == value.as_str())));
        }
        list => {
            assert!(list.iter().map(|value| value.as_str()).eq(args.iter().map(|arg| Some(arg.as_str()))))
        }
    }
}

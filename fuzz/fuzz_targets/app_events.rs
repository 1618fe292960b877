//! `appEvents` and what a client says: two texts, with a line `%%` between them, the second one the JSON array of an event
//! (under whatever name: every rule gets it).
//!
//! Rules that are in order let nobody into a room that follows from who it is, nor into one of documents but with permission
//! for that very document or by the decision of a method; every room has a name; payloads have an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::config::fuzzing::app_events;
use postroom::domain::app_events::RoomKind;
use postroom::frappe::fuzzing::{Planned, orders, planned};

const LONGEST_ROOM: usize = 1_024;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((rules, event)) = text.split_once("%%\n") else { return };
    orders(event);
    let Some(events) = app_events(rules) else { return };
    for rule in events.rules.values() {
        assert!(rule.faults().is_empty());
        if let Some(planned) = planned(rule, event) {
            check(&planned, text.len());
        }
    }
});

fn check(planned: &Planned, said: usize) {
    let rooms = planned.join.iter().chain(&planned.leave).chain(&planned.heard_in);
    for room in rooms {
        assert!(!room.is_empty() && room.len() <= LONGEST_ROOM, "{room}");
    }
    for room in planned.join.iter().chain(&planned.leave) {
        assert!(!RoomKind::of(room).is_given(), "{room}");
    }
    if let Some(room) = &planned.join
        && RoomKind::of(room).needs_permission()
        && !planned.is_called
    {
        let (doctype, name) = planned.permission.as_ref().expect("nobody was asked");
        let allowed = match name {
            None => vec![format!("doctype:{doctype}")],
            Some(name) => vec![format!("doc:{doctype}/{name}"), format!("open_doc:{doctype}/{name}")],
        };
        assert!(allowed.contains(room), "{room}");
    }
    // Each value stands there for itself, with its names and quotes and what they become in JSON.
    assert!(planned.longest <= (1 << 22) + said * 8, "{}", planned.longest);
}

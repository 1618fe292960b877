//! What goes between a site's server and a client. The first byte says what follows: `r` an auth answer, `u` a room,
//! `t` a token, `n` the name of a site.
//!
//! An answer is taken exactly where it is an array of strings, and the log does not quote it; no user id leaves its place
//! in the URL, and no token its header; rooms that stand in an answer stay what they are when they are stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::domain::{Membership, Room, Site, SiteName};
use postroom::protocol::webservice::fuzzing::{authorization, rooms, user_url};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    let text = std::str::from_utf8(bytes);
    match (kind, text) {
        (b'r', _) => answer(bytes),
        (b'u', Ok(room)) => user(room),
        (b't', Ok(token)) => header(token),
        (b'n', Ok(name)) => site_name(name),
        _ => {}
    }
});

fn site() -> Site {
    let mut site = Site::sample("demo");
    site.user_room_prefix = Some("user_".into());
    site.public_channel = Some("Browse".into());
    site.webservice_mut().unwrap().update_user_url = Some("http://127.0.0.1/users/:id/?x=:id".to_owned());
    site
}

fn answer(body: &[u8]) {
    let read = rooms(body);
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let expected = match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => {
            items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        }
        _ => None,
    };
    if let Err(line) = &read {
        assert!(line.len() < 100, "{line}");
    }
    assert_eq!(read.as_ref().ok(), expected.as_ref());
    let Some(names) = expected else { return };
    let site = site();
    let Some(membership) = Membership::of(&site, &names) else {
        assert!(!names.iter().any(|name| site.is_user_room(name)));
        return;
    };
    assert!(membership.rooms.is_sorted_by(|a, b| a < b) && membership.rooms.len() <= names.len());
    let primary = membership.primary.unwrap();
    assert!(membership.rooms.iter().any(|room| room.as_str() == &*primary));
    assert_eq!(membership.anonymous, !site.is_user_room(&primary));
    // Stored and read again they are the same rooms, and no shared room has become a user's.
    assert!(membership.rooms.iter().all(|room| Room::of(&site, room.as_str()) == *room));
    let users = membership.rooms.iter().filter(|room| site.is_user_room(room.as_str()));
    assert!(users.into_iter().all(|room| names.iter().any(|name| name == room.as_str())));
}

fn user(room: &str) {
    let Some((id, url)) = user_url(&site(), room) else { return };
    let (before, behind) = ("http://127.0.0.1/users/", "/?x=:id");
    let place = url.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind)).expect("left its place");
    assert!(place.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)), "{place}");
    // `+` would mean a blank to this reader, and is never written.
    let decoded: String = form_urlencoded::parse(place.as_bytes()).map(|(key, _)| key.into_owned()).collect();
    assert_eq!(decoded, id);
    assert_ne!(place, "..");
}

fn header(token: &str) {
    let Some(value) = authorization(&site(), token) else { return };
    assert!(value.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f || *byte == b'\t'), "{value:?}");
    assert!(value.starts_with(b"Bearer") && value.len() <= 16 << 10);
    let sent = value.strip_prefix(b"Bearer ").unwrap_or_default();
    assert_eq!(sent, token.trim_end_matches([' ', '\t', '\r', '\n']).as_bytes());
}

fn site_name(name: &str) {
    let Ok(site) = SiteName::new(name) else { return };
    assert_eq!((site.as_str(), site.namespace().strip_prefix('/')), (name, Some(name)));
    assert!(!name.contains([',', '/', '?', '\0']) && name.len() <= 253);
}

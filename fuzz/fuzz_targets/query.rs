//! Queries: of the endpoint of Engine.IO, and of `/send`. And session ids.
//!
//! The same pairs written in the one usual way mean the same; a key that stands twice is joined by the endpoint and noticed
//! by `/send`; a session id comes back to the letter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::api::fuzzing as send;
use postroom::transport::engine::fuzzing as engine;
use postroom::transport::engine::{Protocol, Sid};

fuzz_target!(|data: &[u8]| {
    let Ok(query) = std::str::from_utf8(data) else { return };
    let pairs: Vec<(String, String)> = form_urlencoded::parse(data).into_owned().collect();
    let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let asked = engine::query(query);
    assert_eq!(asked, engine::query(&again));
    assert_eq!(send::query(query), send::query(&again));
    if let Some(sid) = asked.sid.as_deref()
        && let Some(parsed) = Sid::parse(sid)
    {
        assert_eq!(parsed.as_str(), sid);
        assert!(!format!("{parsed:?}").contains(sid), "shown in a log");
    }
    let values = |wanted: &str| -> Vec<&str> {
        pairs.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.as_str()).collect()
    };
    let handshake = engine::handshake(query, asked.b64, asked.protocol.unwrap_or(Protocol::V4));
    for key in ["token", "deviceId", "meta", "EIO"] {
        let expected = (!values(key).is_empty()).then(|| values(key).join(","));
        assert_eq!(handshake.get(key), expected, "{key}");
    }
    let (site, key, _, repeated) = send::query(query);
    assert_eq!(site.as_deref(), values("site").last().copied());
    assert_eq!(key.as_deref(), values("apiKey").last().copied());
    assert_eq!(repeated, values("site").len() > 1 || values("apiKey").len() > 1);
});

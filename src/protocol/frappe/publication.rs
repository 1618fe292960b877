//! What a bench publishes on the channel `events`: one JSON object for each event
//! (`frappe.publish_realtime`, <https://github.com/frappe/frappe/blob/develop/frappe/realtime.py>).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::Event;

/// Event names that Socket.IO keeps for itself: clients would not take them.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// One event of a bench.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// What clients see: the name, and the message as its one argument, to the letter.
    pub event: Event,
    /// The room; `None`: everybody.
    pub room: Option<String>,
    /// The site; versions up to 14 put it before the room.
    pub namespace: Option<String>,
}

/// Why something that was published is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not a JSON object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// It has no `event`, or one that is no text.
    #[error("it has no `event` that is a text")]
    NoEvent,
    /// Its room or site is something else than a text: whom it is for cannot be known.
    #[error("its `{0}` is not a text")]
    NotAText(&'static str),
    /// The name is kept for the protocol.
    #[error("the event name '{0}' is reserved by Socket.IO")]
    Reserved(String),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(default)]
    room: Value,
    #[serde(default)]
    namespace: Value,
}

impl Publication {
    /// Reads what was published.
    ///
    /// # Errors
    /// [`Unusable`] says why it is no event.
    pub fn parse(payload: &[u8]) -> Result<Self, Unusable> {
        // Else an array would be read, too: by the order of the fields.
        if payload.trim_ascii_start().first() != Some(&b'{') {
            return Err(Unusable::NotAnObject);
        }
        let envelope: Envelope<'_> = serde_json::from_slice(payload).map_err(|_| Unusable::NotAnObject)?;
        let name = envelope.event.map(RawValue::get).ok_or(Unusable::NoEvent)?;
        let plain: String = serde_json::from_str(name).map_err(|_| Unusable::NoEvent)?;
        if RESERVED.contains(&plain.as_str()) {
            return Err(Unusable::Reserved(plain));
        }
        let event = event(name, envelope.message.map_or("null", RawValue::get));
        let (room, namespace) = (text("room", envelope.room)?, text("namespace", envelope.namespace)?);
        Ok(Self { event, room, namespace })
    }
}

/// The event of this name (as JSON) with one argument (as JSON).
fn event(name: &str, argument: &str) -> Event {
    Event::stored(Bytes::from(format!("[{name},{argument}]")))
}

/// What is false in JavaScript is as if it were not there.
fn text(key: &'static str, value: Value) -> Result<Option<String>, Unusable> {
    match value {
        Value::String(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Value::Number(number) => Ok((number.as_f64() != Some(0.0)).then(|| number.to_string())),
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => Err(Unusable::NotAText(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> (String, Option<String>, Option<String>) {
        let Publication { event, room, namespace } = Publication::parse(payload.as_bytes()).unwrap();
        (String::from_utf8(event.json().to_vec()).unwrap(), room, namespace)
    }

    #[test]
    fn the_message_is_one_argument_to_the_letter() {
        for (message, json) in [
            (r#","message":null"#, r#"["ev",null]"#),
            ("", r#"["ev",null]"#),
            (r#","message":[1,2]"#, r#"["ev",[1,2]]"#),
            (r#","message":"s""#, r#"["ev","s"]"#),
            (r#","message":12345678901234567890"#, r#"["ev",12345678901234567890]"#),
            (",\"message\":{\n \"b\": 1.10\n}", "[\"ev\",{\n \"b\": 1.10\n}]"),
        ] {
            assert_eq!(read(&format!(r#"{{"event":"ev"{message}}}"#)).0, json);
        }
    }

    #[test]
    fn what_is_false_is_no_room() {
        for room in [r#""""#, "null", "0", "false"] {
            assert_eq!(read(&format!(r#"{{"event":"ev","room":{room},"namespace":"s"}}"#)).1, None, "{room}");
        }
        let (_, room, namespace) = read(r#"{"event":"ev","room":"doc:ToDo/é 1","namespace":"s.local"}"#);
        assert_eq!((room.as_deref(), namespace.as_deref()), (Some("doc:ToDo/é 1"), Some("s.local")));
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        for (payload, why) in [
            ("not json", Unusable::NotAnObject),
            ("", Unusable::NotAnObject),
            ("\"x\"", Unusable::NotAnObject),
            (r#"["ev",1]"#, Unusable::NotAnObject),
            ("{}", Unusable::NoEvent),
            (r#"{"event":5}"#, Unusable::NoEvent),
            (r#"{"event":null}"#, Unusable::NoEvent),
            (r#"{"event":"ev","room":{"a":1}}"#, Unusable::NotAText("room")),
            (r#"{"event":"ev","room":"r","namespace":[]}"#, Unusable::NotAText("namespace")),
            (r#"{"event":"dis\u0063onnect"}"#, Unusable::Reserved("disconnect".to_owned())),
        ] {
            assert_eq!(Publication::parse(payload.as_bytes()).unwrap_err(), why, "{payload}");
        }
        assert!(Publication::parse(b"null").is_err() && Publication::parse(b"[]").is_err());
        assert!(Publication::parse(b"{\"event\":\"\xff\"}").is_err());
    }
}

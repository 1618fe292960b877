//! Events and messages: what a backend sends, kept as the bytes that came in.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::address::SessionRef;
use super::flake::MessageId;
use super::room::Room;
use super::site::{QueueBounds, SiteName};

/// Event names that a backend may not send: Postroom's own, and those that Socket.IO clients keep for
/// themselves (<https://socket.io/docs/v4/emit-cheatsheet/#reserved-events>).
pub const RESERVED_EVENTS: [&str; 10] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "error",
    "newListener",
    "removeListener",
    "_settings",
    "_batch",
    "_resync",
];

/// Why something cannot be an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The name is not a JSON string.
    #[error("'event' must be a string")]
    NotAString,
    /// The name is kept for the protocol.
    #[error("the event name '{0}' is reserved")]
    Reserved(String),
}

/// Name and args as the client will see them: the JSON array `["name",arg,...]`, never parsed into a tree.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(Bytes);

impl Event {
    /// Joins a name and args. `args` as `/send` takes them: an array is spread one level, anything else is one
    /// argument, and none at all is one `null`.
    ///
    /// # Errors
    /// When the name is not a string, or reserved.
    pub fn new(name: &RawValue, args: Option<&RawValue>) -> Result<Self, EventError> {
        let plain = unquoted(name.get())?;
        if RESERVED_EVENTS.contains(&&*plain) {
            return Err(EventError::Reserved(plain.into_owned()));
        }
        let args = args.map_or("null", RawValue::get);
        let inner = args.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim);
        let mut json = Vec::with_capacity(name.get().len() + args.len() + 3);
        json.push(b'[');
        json.extend_from_slice(name.get().as_bytes());
        if inner != Some("") {
            json.push(b',');
            json.extend_from_slice(inner.unwrap_or(args).as_bytes());
        }
        json.push(b']');
        Ok(Self(json.into()))
    }

    /// An event as a store kept it.
    #[must_use]
    pub fn stored(json: Bytes) -> Self {
        Self(json)
    }

    /// The JSON array.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.0
    }
}

/// The text of a JSON string, which mostly stands there as it is.
fn unquoted(json: &str) -> Result<Cow<'_, str>, EventError> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner.filter(|inner| !inner.contains('\\')) {
        Some(plain) => Ok(Cow::Borrowed(plain)),
        None => serde_json::from_str(json).map(Cow::Owned).map_err(|_| EventError::NotAString),
    }
}

/// What one `/send` carries.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The site it belongs to.
    pub site: SiteName,
    /// Where it goes; at least one, each once.
    pub rooms: Arc<[Room]>,
    /// What the clients will see.
    pub event: Event,
    /// Acknowledged out of order it makes the device resync.
    pub resync: bool,
    /// The bounds of the inboxes it goes into.
    pub bounds: QueueBounds,
    /// A session of this process that does not get it, because it said it itself; only where it is not kept.
    pub except: Option<SessionRef>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, args: Option<&str>) -> Result<String, EventError> {
        let raw = |s: &str| RawValue::from_string(s.to_owned()).unwrap();
        let args = args.map(raw);
        Event::new(&raw(name), args.as_deref()).map(|e| String::from_utf8(e.json().to_vec()).unwrap())
    }

    #[test]
    fn args_are_spread_one_level_and_kept_to_the_letter() {
        assert_eq!(event(r#""n""#, Some("[[1,2],[3]]")).unwrap(), r#"["n",[1,2],[3]]"#);
        assert_eq!(
            event(r#""n""#, Some(r#"{"a":12345678901234567890.10}"#)).unwrap(),
            r#"["n",{"a":12345678901234567890.10}]"#
        );
        assert_eq!(event(r#""n""#, Some("\"[x]\"")).unwrap(), r#"["n","[x]"]"#);
        assert_eq!(event(r#""n""#, Some("[ ]")).unwrap(), r#"["n"]"#);
        assert_eq!(event(r#""n""#, None).unwrap(), r#"["n",null]"#);
    }

    #[test]
    fn reserved_names_are_refused_however_they_are_written() {
        assert_eq!(event(r#""\u005fbatch""#, None), Err(EventError::Reserved("_batch".into())));
        assert_eq!(event("5", None), Err(EventError::NotAString));
        assert!(event(r#""errors""#, None).is_ok());
    }
}

//! Checks that payloads are the JSON they must be, without building anything from it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{MAX_DEPTH, Malformed};

/// A JSON object.
pub(super) fn object(text: &str) -> Result<(), Malformed> {
    if text.starts_with('{') { valid(text) } else { Err(Malformed::Payload) }
}

/// A JSON array.
pub(super) fn array(text: &str) -> Result<(), Malformed> {
    match text.as_bytes() {
        [b'[', b']'] => Ok(()),
        [b'[', ..] => valid(text),
        _ => Err(Malformed::Payload),
    }
}

/// A JSON array whose first element is a string or a number.
pub(super) fn event(text: &str) -> Result<(), Malformed> {
    let inside = text.strip_prefix('[').ok_or(Malformed::Payload)?;
    let first = inside.trim_start_matches([' ', '\t', '\n', '\r']).bytes().next();
    match first {
        Some(b'"' | b'-' | b'0'..=b'9') => valid(text),
        _ => Err(Malformed::Payload),
    }
}

/// Any JSON. Numbers beyond any range and lone surrogates pass, as they do in JavaScript.
fn valid(text: &str) -> Result<(), Malformed> {
    if depth(text) > MAX_DEPTH {
        return Err(Malformed::Payload);
    }
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|_| Malformed::Payload)
}

/// How deep brackets nest. `IgnoredAny` does not recurse, and so has no limit of its own.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'"' => in_string = !in_string,
            b'\\' if in_string => escaped = true,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Checks that every `{"_placeholder":true,"num":n}` names one of `count` attachments.
pub(super) fn placeholders(text: &str, count: usize) -> Result<(), Malformed> {
    if depth(text) > MAX_DEPTH {
        return Err(Malformed::Payload);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    Node { count }.deserialize(&mut reader).map(|_| ()).map_err(|_| Malformed::Attachments)
}

/// What the check must know of a value.
enum Seen {
    True,
    Number(u64),
    Other,
}

#[derive(Clone, Copy)]
struct Node {
    count: usize,
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with placeholders of attachments that exist")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        Ok(if value { Seen::True } else { Seen::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Seen, E> {
        Ok(Seen::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seen, A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let (mut placeholder, mut exists) = (false, false);
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match (&*key, map.next_value_seed(self)?) {
                ("_placeholder", seen) => placeholder = matches!(seen, Seen::True),
                ("num", seen) => exists = matches!(seen, Seen::Number(n) if n < self.count as u64),
                _ => {}
            }
        }
        if placeholder && !exists {
            return Err(A::Error::custom("a placeholder without attachment"));
        }
        Ok(Seen::Other)
    }
}

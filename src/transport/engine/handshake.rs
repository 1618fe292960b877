//! What a client says when it opens a connection.

use super::payload;
use crate::domain::Secret;

/// Keys of the URL that are kept for the application; further ones are not looked at. Each is compared with all
/// before it, and stays as long as its connection.
const MAX_KEYS: usize = 32;

/// Revision of the Engine.IO protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Engine.IO 3: clients of Socket.IO 1 and 2. The client pings.
    V3,
    /// Engine.IO 4: clients of Socket.IO 3 and 4. The server pings.
    V4,
}

/// The query of a request to the endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) transport: Option<String>,
    pub(super) sid: Option<String>,
    pub(super) eio: Option<String>,
    pub(super) b64: bool,
    pub(super) jsonp: bool,
    /// Everything else, as the application may want it.
    pub(super) rest: Vec<(String, String)>,
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "transport" => parsed.transport = Some(value.into_owned()),
                "sid" => parsed.sid = Some(value.into_owned()),
                "EIO" => parsed.eio = Some(value.into_owned()),
                "b64" => parsed.b64 = !value.is_empty() && value != "0",
                "j" => parsed.jsonp = true,
                "t" => {}
                _ => parsed.add(key.into_owned(), value.into_owned()),
            }
        }
        parsed
    }

    /// A repeated key is joined with a comma, as the original did it.
    fn add(&mut self, key: String, value: String) {
        let full = self.rest.len() >= MAX_KEYS;
        match self.rest.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => {
                known.push(',');
                known.push_str(&value);
            }
            None if full => {}
            None => self.rest.push((key, value)),
        }
    }

    pub(super) fn protocol(&self) -> Option<Protocol> {
        match self.eio.as_deref() {
            Some("3") => Some(Protocol::V3),
            Some("4") => Some(Protocol::V4),
            _ => None,
        }
    }
}

/// What a client said when it opened its connection.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// It cannot take binary polling payloads (Engine.IO 3).
    pub(super) b64: bool,
    /// Keys and values of the URL that are not the engine's own.
    pub query: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<Secret>,
}

impl Handshake {
    pub(super) fn new(query: Query, protocol: Protocol, authorization: Option<&str>) -> Self {
        let authorization = authorization.map(Secret::new);
        Self { protocol, b64: query.b64, query: query.rest, authorization }
    }

    /// The value of a key of the URL.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn encoding(&self) -> payload::Protocol {
        match self.protocol {
            Protocol::V4 => payload::Protocol::V4,
            Protocol::V3 if self.b64 => payload::Protocol::V3Text,
            Protocol::V3 => payload::Protocol::V3Binary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_keys_are_told_from_the_rest() {
        let query = Query::parse("EIO=3&transport=polling&t=x1&b64=1&token=a%20b&token=c&deviceId=");
        assert_eq!((query.protocol(), query.b64), (Some(Protocol::V3), true));
        let rest = [("token", "a b,c"), ("deviceId", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(query.rest, rest);
        assert_eq!(Query::parse("EIO=5").protocol(), None);
    }

    #[test]
    fn of_very_many_keys_the_first_are_kept() {
        let many = (0..20_000).map(|n| format!("&{n}")).collect::<Vec<_>>().concat();
        let query = Query::parse(&format!("token=a{many}&EIO=4"));
        assert_eq!((query.rest.len(), query.protocol()), (MAX_KEYS, Some(Protocol::V4)));
        assert_eq!(query.rest[0], ("token".to_owned(), "a".to_owned()));
    }
}

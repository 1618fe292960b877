//! What a client says when it opens a connection.

use std::fmt;

use super::entrance::Entrance;
use super::payload;
use crate::domain::Secret;

/// Revision of the Engine.IO protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Engine.IO 3: clients of Socket.IO 1 and 2. The client pings.
    V3,
    /// Engine.IO 4: clients of Socket.IO 3 and 4. The server pings.
    V4,
}

/// The engine's own keys in the query of a request to the endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) transport: Option<String>,
    pub(super) sid: Option<String>,
    pub(super) eio: Option<String>,
    pub(super) b64: bool,
    pub(super) jsonp: bool,
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
                _ => {}
            }
        }
        parsed
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
#[derive(Clone)]
pub struct Handshake {
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// It cannot take binary polling payloads (Engine.IO 3).
    b64: bool,
    /// The query of the URL, as it came: kept for as long as the connection lives, so in its smallest form.
    query: Box<str>,
    /// The `Authorization` header.
    pub authorization: Option<Secret>,
    /// Headers that the sites of this process ask for, see `EngineOptions::kept_headers`.
    headers: Option<Box<[(&'static str, Secret)]>>,
    /// It came in where tokens alone are taken.
    pub tokens_only: bool,
}

impl fmt::Debug for Handshake {
    /// Not the query: it holds the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl Handshake {
    pub(super) fn new(query: &str, b64: bool, protocol: Protocol, authorization: Option<&str>) -> Self {
        let authorization = authorization.map(Secret::new);
        Self { protocol, b64, query: query.into(), authorization, headers: None, tokens_only: false }
    }

    /// With these headers of its request.
    pub(super) fn with_headers(mut self, headers: Vec<(&'static str, &str)>) -> Self {
        let headers: Box<[_]> = headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        self.headers = (!headers.is_empty()).then_some(headers);
        self
    }

    /// By this way.
    pub(super) fn by(mut self, entrance: Entrance) -> Self {
        self.tokens_only = entrance == Entrance::Tokens;
        self
    }

    /// The value of a header of its request, where it is one of those that are kept. `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_deref()?;
        headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.expose())
    }

    /// The value of a key of the URL. A repeated key is joined with a comma, as the original did it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        let values: Vec<_> = pairs.filter(|(known, _)| known == key).map(|(_, value)| value).collect();
        if values.is_empty() { None } else { Some(values.join(",")) }
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
        let url = "EIO=3&transport=polling&t=x1&b64=1&token=a%20b&token=c&deviceId=";
        let query = Query::parse(url);
        assert_eq!((query.protocol(), query.b64), (Some(Protocol::V3), true));
        assert_eq!(Query::parse("EIO=5").protocol(), None);
        let handshake = Handshake::new(url, true, Protocol::V3, None);
        let values = ["token", "deviceId", "meta"].map(|key| handshake.get(key));
        assert_eq!(values, [Some("a b,c".to_owned()), Some(String::new()), None]);
        assert!(!format!("{handshake:?}").contains("token"));
    }
}

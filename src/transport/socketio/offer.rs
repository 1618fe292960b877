//! What a client offers to be let in with: from its CONNECT packet, the URL of its connection, or a header.

use serde_json::Value;

use crate::domain::Secret;
use crate::transport::engine::Handshake;

/// What the connection as a whole offers; a namespace's own CONNECT packet goes before it.
#[derive(Debug)]
pub struct Offer(Handshake);

impl Offer {
    /// Takes what the handshake holds.
    #[must_use]
    pub fn new(handshake: Handshake) -> Self {
        Self(handshake)
    }

    /// The value of `key`: of the CONNECT payload, else of the URL. A number counts as its text; anything else that
    /// is not a string counts as not given.
    #[must_use]
    pub fn get(&self, auth: Option<&Value>, key: &str) -> Option<String> {
        let own = match auth.and_then(|auth| auth.get(key)) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        own.or_else(|| self.0.get(key))
    }

    /// A header of the request that opened the connection, where it is one of those that are kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// The `Authorization` header, as it came.
    #[must_use]
    pub fn authorization(&self) -> Option<&Secret> {
        self.0.authorization.as_ref()
    }

    /// Whether the connection was opened where tokens alone are taken.
    #[must_use]
    pub fn tokens_only(&self) -> bool {
        self.0.tokens_only
    }

    /// The token: as [`Offer::get`], else that of the `Authorization` header.
    #[must_use]
    pub fn token(&self, auth: Option<&Value>) -> Option<Secret> {
        let header = || self.0.authorization.as_ref().map(|header| without_scheme(header.expose()));
        self.get(auth, "token").map(Secret::new).or_else(header)
    }
}

fn without_scheme(header: &str) -> Secret {
    Secret::new(header.split_once(' ').map_or(header, |(_, token)| token.trim()))
}

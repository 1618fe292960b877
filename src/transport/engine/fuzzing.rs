//! What the fuzz targets may see of this room: the query of a request to the endpoint.

use super::handshake::{Handshake, Protocol, Query};

/// The engine's own keys, as they were understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `transport`.
    pub transport: Option<String>,
    /// `sid`.
    pub sid: Option<String>,
    /// `EIO`, where it is spoken here.
    pub protocol: Option<Protocol>,
    /// `b64`.
    pub b64: bool,
    /// `j`.
    pub jsonp: bool,
}

/// Reads the query of a request.
pub fn query(query: &str) -> Asked {
    let parsed = Query::parse(query);
    let protocol = parsed.protocol();
    let Query { transport, sid, b64, jsonp, .. } = parsed;
    Asked { transport, sid, protocol, b64, jsonp }
}

/// What a client says with that query.
pub fn handshake(query: &str, b64: bool, protocol: Protocol) -> Handshake {
    Handshake::new(query, b64, protocol, None)
}

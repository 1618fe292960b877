//! The session engine: connections over WebSocket and HTTP polling, Engine.IO protocols 3 and 4, heartbeats,
//! and the change from polling to WebSocket while connected.
//!
//! It carries conversations and does not understand them: what is said is the business of an [`Application`].
//! Everything about a connection happens on the worker thread that accepted it; requests that arrive on another
//! worker are handed over (see `exchange`).
//!
//! Wire formats: <https://github.com/socketio/engine.io-protocol> (v4, and branch v3), RFC 6455.

mod alarm;
mod connection;
mod core;
mod entrance;
mod exchange;
mod framing;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod http;
mod options;
mod polling;
mod sid;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod upgrade;

pub mod payload;
pub mod websocket;

pub use self::core::Engine;
pub use connection::{Application, Connection, Conversation, Fault};
pub use entrance::Entrance;
pub use exchange::{Exchange, Job};
pub use framing::{binary_packet, text_packet};
pub use handshake::{Handshake, Protocol};
pub use http::configure;
pub use options::{EngineOptions, OriginRule};
pub use sid::Sid;
pub use stream::{Loose, Stream};
pub use upgrade::{Accepted, Arriving, Refused, Request, socket_head};

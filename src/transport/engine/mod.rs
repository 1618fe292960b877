//! The session engine: WebSocket frames and Engine.IO payloads.
//!
//! What must not live here: Socket.IO packets and other framings, rooms, delivery.

pub mod payload;
pub mod websocket;

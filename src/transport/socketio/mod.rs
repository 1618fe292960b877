//! Socket.IO on the session engine (protocols 4 and 5).
//!
//! What must not live here: WebSocket frames, polling, delivery.

pub mod packet;

//! The front door: one port for everything. Ordinary requests go to the actix application; a request for a
//! WebSocket is answered here, and its socket is handed to the engine, so that an idle connection costs the
//! HTTP server nothing.
//!
//! The only place that knows actix-http and actix-server. What must not live here: what a request means.

mod door;
mod hand_over;

pub use door::{Door, open};

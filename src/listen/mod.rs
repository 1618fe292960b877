//! The front door: ports and a Unix socket, and everything that comes in by them. Ordinary requests go to the actix
//! application; a request for a WebSocket is answered here, and its socket is handed to the engine, so that an idle
//! connection costs the HTTP server nothing.
//!
//! The only place that knows actix-http and actix-server. What must not live here: what a request means.

mod door;
mod doors;
mod hand_over;
mod listener;
mod socket_file;

pub use door::Door;
pub use doors::{Doors, Opening, open};
pub use listener::Listener;

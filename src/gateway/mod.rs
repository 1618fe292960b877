//! The use cases: connect, send, acknowledge, disconnect.
//!
//! One [`Gateway`] per worker thread works on that worker's hub; what all workers share is behind it. What must
//! not live here: HTTP, SQL, sockets, wire formats.

mod acknowledge;
mod attendance;
mod connect;
mod piles;
mod post;
mod rooms;
mod send;
mod send_all;
mod shared;
mod switchboard;
mod worker;

pub use attendance::Attendance;
pub use connect::Visitor;
pub use rooms::MAX_ROOM;
pub use send::{Order, SendError};
pub use shared::{Shared, SharedParts, SiteFinder, Sites};
pub use switchboard::{Mail, Switchboard};
pub use worker::Gateway;

#[cfg(test)]
pub(crate) mod tests;

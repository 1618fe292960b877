//! Frappe sites: who is let in, what clients may ask for, what their bench publishes, and who looks at what.
//!
//! A client is a session without an inbox, in rooms that come and go as its site allows. What a bench publishes is handed to
//! the sessions of this process; each Postroom of a bench hears it for itself. `docs/wire/frappe.md` is the contract.
//!
//! What must not live here: HTTP and Redis (`protocol/frappe`), packets and frames (`transport/socketio`).

mod door;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod member;
mod namespaces;
mod rehearsal;
mod rules;
mod said;
mod town;
mod visit;
mod wishes;

use crate::protocol::frappe::Frappe;

pub use namespaces::FrappeNamespaces;
pub use rehearsal::{Approach, TurnedAway, rehearse};
pub use town::Towns;

/// Headers of a client's first request that decide who it is and where it belongs.
pub const HEADERS: &[&str] =
    &["host", "origin", "cookie", "x-frappe-site-name", "x-forwarded-host", "x-forwarded-for"];

/// Whether every bench is heard at the moment; if not, what to look at.
///
/// # Errors
/// A text for the operator.
pub fn health(frappe: &Frappe) -> Result<(), &'static str> {
    let reached = frappe.benches().iter().all(|bench| bench.is_reached());
    if reached { Ok(()) } else { Err("the Redis of a bench (redis_queue) cannot be reached") }
}

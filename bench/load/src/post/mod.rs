//! Sending: how a message looks for each server, the connections it leaves by, and the pace.

mod form;
mod http;
mod lane;
mod outgoing;
mod pace;

pub use form::{Form, Publish, Target};
pub use outgoing::{Due, Fate, Outgoing, Posted};
pub use pace::Pace;

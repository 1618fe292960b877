//! Telemetry: the set-up of logging, and how often a line may come.
//!
//! Secrets are kept out of logs by construction: tokens and keys are `domain::Secret`, which never prints itself,
//! and bodies of messages are no log fields. Every line is one event with a readable message and fields that can be
//! queried: `site`, `room`, `device`, `session`, `message_id`, `seq`.
//!
//! What must not live here: what is logged, and when.

mod logging;
mod seldom;

pub use logging::{Format, LoggingError, init};
pub use seldom::Seldom;

//! Telemetry: the set-up of logging, how often a line may come, and every metric.
//!
//! Secrets are kept out of logs by construction: tokens and keys are `domain::Secret`, which never prints itself,
//! and bodies of messages are no log fields. Every line is one event with a readable message and fields that can be
//! queried: `site`, `room`, `device`, `session`, `message_id`, `seq`.
//!
//! What must not live here: what is logged or counted, and when.

mod logging;
mod metrics;
mod seldom;

pub use logging::{Format, LoggingError, init};
pub use metrics::{Books, METRICS_TYPE, Metrics};
pub use seldom::Seldom;

//! Suites that take a factory, and run for every store and broker.

// A suite's functions are tests in all but the attribute.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod broker;
mod store;

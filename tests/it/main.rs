//! Integration tests: one binary for all of them.
// What a test may do, its helpers may do; clippy knows only functions marked `#[test]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod contract;
mod hostile;
mod kill;
mod protocol;
mod smoke;
mod support;

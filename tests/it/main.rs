//! Integration tests: one binary for all of them.
// What a test may do, its helpers may do; clippy knows only functions marked `#[test]`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub
)]
#![allow(clippy::format_push_string)]

mod backplane;
mod batch;
mod bench;
mod broadcast;
#[path = "../chaos/mod.rs"]
mod chaos;
mod connecting;
mod contract;
mod defects;
mod deploy;
mod engine;
mod entrances;
mod frappe;
mod frappe_docs;
mod hand_over;
mod hostile;
mod kill;
mod lifetime;
mod migrate;
mod nodes;
mod protocol;
mod readme;
mod redis_model;
mod send;
mod smoke;
mod support;

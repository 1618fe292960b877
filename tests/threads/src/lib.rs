//! The files of Postroom in which threads meet outside of the channels of std and tokio, with shuttle's locks and atomics in
//! the place of std's, and what must hold of them. `tests/orders.rs` plays every order in which threads may come, or a great
//! many. A thread that nobody wakes is a deadlock there: a wait with a time limit never ends by itself.
#![allow(dead_code, unreachable_pub, missing_docs)]

#[path = "../../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../../src/store/mod.rs"]
pub mod store;

/// The word of the broker that the switchboard knows.
pub mod broker {
    pub trait Reception {
        fn broadcast(&self, message: std::sync::Arc<crate::domain::Message>);
    }
}

pub mod meeting;

//! What clients count, and the times they measure.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::latency::Latency;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts of a thread, written by it alone and read by the conductor.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(super) struct Tally { $($(#[$doc])* pub(super) $name: AtomicU64),* }

        /// Counts at one moment, or between two.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Counts { $($(#[$doc])* pub $name: u64),* }

        impl Tally {
            /// The counts now.
            pub(super) fn read(&self) -> Counts {
                Counts { $($name: self.$name.load(Relaxed)),* }
            }
        }

        impl Counts {
            /// What came since `before`.
            #[must_use]
            pub fn since(&self, before: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(before.$name)),* }
            }

            /// Both together.
            #[must_use]
            pub fn plus(&self, other: &Self) -> Self {
                Self { $($name: self.$name + other.$name),* }
            }
        }
    };
}

counts! {
    /// Clients that were let in.
    joined,
    /// CONNECTs that were refused.
    refused,
    /// Connects that failed before that, such as a handshake that was answered by 503.
    failures,
    /// Clients that tried often enough.
    given_up,
    /// Connections that the server ended after it had let them in.
    closed,
    /// Messages that came.
    delivered,
    /// Messages that were acknowledged.
    acked,
    /// Packets with several messages.
    batches,
    /// Clients that have, and have acknowledged, all that was owed to them.
    ready,
}

/// Adds to a count of one's own thread.
pub(super) fn add(count: &AtomicU64, more: u32) {
    if more > 0 {
        count.fetch_add(u64::from(more), Relaxed);
    }
}

/// Times that the clients of a thread measured.
#[derive(Debug, Default)]
pub struct Times {
    /// From when a message was due until it was read.
    pub delivery: Latency,
    /// From the first SYN until a client was let in.
    pub connect: Latency,
    /// From the first SYN until a client had, and had acknowledged, all that was owed to it.
    pub ready: Latency,
    /// How late timers fired.
    pub lag: Latency,
}

impl Times {
    /// Adds those of another thread.
    pub fn merge(&mut self, other: &Self) {
        self.delivery.merge(&other.delivery);
        self.connect.merge(&other.connect);
        self.ready.merge(&other.ready);
        self.lag.merge(&other.lag);
    }
}

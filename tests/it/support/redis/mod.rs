//! Real Redis servers for the tests: one, a cluster, one with sentinels; and the proxy that breaks connections.
//!
//! Everything here blocks, and may be called from anywhere. Processes end when their value is dropped.

#![allow(unused_imports)] // each theme takes what it needs

mod certificates;
mod cluster;
mod process;
mod sentinels;
mod server;

pub use super::proxy::Proxy;
pub use certificates::Certificates;
pub use cluster::Cluster;
pub use sentinels::Sentinels;
pub use server::RedisServer;

use std::time::{Duration, Instant};

/// Asks until the answer is yes.
pub fn until(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !is_so() {
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Does what blocks, without holding up what goes on.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || tell.send(work()));
    told.await.expect("it must come to an end")
}

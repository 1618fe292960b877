//! Looks at the server from a thread of its own while the others work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::local;
use crate::meter::{resident_kib, still_open};

/// Often enough to know when; the list of connections is long.
const EVERY: Duration = Duration::from_millis(500);

/// Watches the memory of some processes, and whether connections are closed.
pub struct Watch {
    seen: Arc<Seen>,
    running: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    peak_kib: AtomicU64,
    /// How many of the connections are closed, and milliseconds until the last of these was.
    closed: AtomicU64,
    closed_ms: AtomicU64,
    end: AtomicBool,
}

impl Watch {
    /// Begins: connections of those local ports to the server's port.
    pub fn begin(server: Vec<u32>, port: u16, clients: Vec<u16>) -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let theirs = Arc::clone(&seen);
        let running = local::thread("watch", move || look(theirs, server, port, clients))?;
        Ok(Self { seen, running: Some(running) })
    }

    /// The most memory so far.
    pub fn peak_kib(&self) -> u64 {
        self.seen.peak_kib.load(Relaxed)
    }

    /// How many connections are closed.
    pub fn closed(&self) -> u64 {
        self.seen.closed.load(Relaxed)
    }

    /// After how long the last of them was, since the beginning.
    pub fn closed_after_s(&self) -> Option<f64> {
        (self.closed() > 0).then(|| self.seen.closed_ms.load(Relaxed) as f64 / 1000.0)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.seen.end.store(true, Relaxed);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

async fn look(seen: Arc<Seen>, server: Vec<u32>, port: u16, clients: Vec<u16>) {
    let begin = Instant::now();
    while !seen.end.load(Relaxed) {
        seen.peak_kib.fetch_max(resident_kib(&server), Relaxed);
        let closed = clients.len().saturating_sub(still_open(port, &clients)) as u64;
        if closed > seen.closed.load(Relaxed) {
            seen.closed_ms.store(begin.elapsed().as_millis() as u64, Relaxed);
            seen.closed.store(closed, Relaxed);
        }
        sleep(EVERY).await;
    }
}

//! How a Frappe site speaks: calls to its web server about a client, and what its bench publishes over Redis.
//! `docs/wire/frappe.md` is the contract.
//!
//! Promises: nothing here blocks its caller; everything runs on a thread of its own; a site that is slow, down or hostile
//! takes no more than its share of calls; a bench whose Redis is away is reached again as soon as it is back.
//!
//! What must not live here: who is let in and what an event of a client means (the room `frappe` decides that).

mod ask;
mod bases;
mod bench;
mod caller;
mod calls;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod pent;
mod permission;
pub mod probe;
mod publication;
mod reach;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::StartError;
use super::outgoing::{CallThread, Outgoing};
use crate::domain::{Secret, Site};

pub use ask::{Asked, CallFailure};
pub use bases::hostname;
pub use bench::{Bench, BenchEar};
pub use caller::{Caller, Credential, User};
pub use publication::{Publication, Unusable};

use calls::Desk;

/// Redirects that are followed in a row.
const REDIRECTS: usize = 5;
/// How long a web server may take to be reached: there may be another one to try. One that is reached and slow is waited for; were
/// it asked twice, it would be slower still.
const REACH: Duration = Duration::from_secs(4);

/// Speaks with the web servers of Frappe sites, and with the Redis of their benches. When it is dropped, everything in flight
/// ends.
pub struct Frappe {
    thread: CallThread,
    outgoing: Arc<Outgoing>,
    desks: Mutex<HashMap<Box<str>, Arc<Desk>>>,
    benches: Mutex<HashMap<Box<str>, Arc<Bench>>>,
    ear: Arc<dyn BenchEar>,
}

impl Frappe {
    /// Starts the thread. What benches publish comes to `ear`.
    ///
    /// # Errors
    /// [`StartError`] when the system gives no thread, or TLS cannot be set up.
    pub fn start(ear: Arc<dyn BenchEar>) -> Result<Self, StartError> {
        Ok(Self {
            thread: CallThread::start("frappe")?,
            outgoing: Arc::new(Outgoing::reaching_within(REACH, REDIRECTS)?),
            desks: Mutex::default(),
            benches: Mutex::default(),
            ear,
        })
    }

    /// The bench of a Frappe site.
    ///
    /// # Errors
    /// What is wrong with the address of its Redis.
    pub fn bench_of(&self, site: &Site) -> Result<Arc<Bench>, String> {
        let Some(frappe) = site.frappe() else { return Err("not that of a Frappe site".to_owned()) };
        self.bench(&frappe.redis_queue)
    }

    /// The bench with this Redis; from the first time on, what it publishes is heard.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn bench(&self, queue: &Secret) -> Result<Arc<Bench>, String> {
        let name = queue.expose();
        let mut benches = self.benches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bench) = benches.get(name) {
            return Ok(Arc::clone(bench));
        }
        let bench = Bench::open(&self.thread, queue, Arc::clone(&self.ear))?;
        benches.insert(name.into(), Arc::clone(&bench));
        Ok(bench)
    }

    /// All benches so far.
    pub fn benches(&self) -> Vec<Arc<Bench>> {
        self.benches.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Waits until the neighbours of every bench were told what they were to be told.
    pub async fn flush(&self) {
        for bench in self.benches() {
            bench.flush().await;
        }
    }

    fn desk(&self, site: &Site) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let desk = desks.entry(site.name.as_str().into());
        Arc::clone(desk.or_insert_with(|| Arc::new(Desk::new(site.auth_concurrency))))
    }
}

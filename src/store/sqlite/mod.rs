//! The embedded store: one `SQLite` file, one thread that writes it, one that reads long inboxes.
//!
//! The writer is the sequencer. It holds the whole registry in memory (devices, who is in which room, which
//! entries wait for whom; no bodies), takes everything that waits in one round, changes memory, writes the
//! difference in one transaction, and only then publishes. Where the transaction fails, what connects and
//! messages did to memory is undone; acks and ends of sessions stay, and are written when that works again.
//!
//! | file | |
//! |---|---|
//! | `intake`, `loads` | the queue in front of the writer, and how much waits there |
//! | `backlog`, `turns` | messages that a round has no room for, and whose turn it is |
//! | `writer`, `publish` | the rounds, and what they tell the workers |
//! | `state` | the registry |
//! | `ledger`, `load` | the difference between registry and file, in SQL; the way back |
//! | `page` | the reader |
//! | `debts` | who is told when a thread dies |
//! | `schema` | the file, its lock and migrations |
//! | `moving` | the file as one end of a move |
//!
//! What must not live here: anything a second store would do the same way.

mod backlog;
mod debts;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod intake;
mod ledger;
mod load;
mod loads;
mod moving;
mod page;
mod publish;
mod recipients;
mod schema;
mod state;
mod turns;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use super::{
    Ack, Append, AppendAll, Connect, Counters, Disconnect, Outlet, Read, Store, StoreError, StoreEvent,
};
use crate::domain::{DeviceTtl, Durability};
use health::{Clock, Health};
use intake::Intake;
pub use moving::{SqliteSource, SqliteTarget};

/// How to open the embedded store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The data directory; made when missing. Holds `postroom.db` and its lock.
    pub dir: PathBuf,
    /// What a 2xx survives.
    pub durability: Durability,
    /// How long a device is remembered after its last session.
    pub device_ttl: DeviceTtl,
    /// What may wait for the writer.
    pub max_waiting: MaxWaiting,
    /// The file grows to this many pages of 4096 bytes at most; for tests of a full disk.
    #[doc(hidden)]
    pub max_pages: Option<u32>,
}

impl SqliteOptions {
    /// The options that must be stated, and the defaults of the others.
    #[must_use]
    pub fn new(dir: &Path, durability: Durability, device_ttl: DeviceTtl) -> Self {
        let max_waiting = MaxWaiting::default();
        Self { dir: dir.to_owned(), durability, device_ttl, max_waiting, max_pages: None }
    }
}

/// How many messages may wait for the writer; as much again may be on its way into the file. Beyond it
/// [`Store::append`] answers [`StoreError::Overloaded`] at once, for sites that have their fair share of it or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxWaiting {
    /// Messages.
    pub messages: usize,
    /// Bytes of events and room names, and 256 for each message.
    pub bytes: usize,
}

impl Default for MaxWaiting {
    fn default() -> Self {
        Self { messages: 1 << 16, bytes: 64 << 20 }
    }
}

/// What the threads of one store share.
struct Shared {
    intake: Intake,
    health: Health,
    outlet: Arc<dyn Outlet>,
    clock: Clock,
}

/// The embedded store. Dropped without [`Store::close`] it ends as in a crash: what was not committed is gone.
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the data directory, reads the registry back, and starts the threads. Devices that were online when
    /// the directory was last used are away from now on. Blocks until done.
    ///
    /// # Errors
    /// [`StoreError::Open`]: the directory is in use or cannot be written, the file is damaged, belongs to another
    /// program, or was written by a newer version.
    pub fn open(options: &SqliteOptions, outlet: Arc<dyn Outlet>) -> Result<Self, StoreError> {
        let files = schema::open(options)?;
        let clock = Clock::start();
        let (intake, health) = (Intake::new(options.max_waiting), Health::default());
        let shared = Arc::new(Shared { intake, health, outlet, clock });
        let (jobs, todo) = mpsc::channel();
        let (ready, opened) = mpsc::channel();
        let (writer, reader, lock) = (files.writer, files.reader, files.lock);
        let (at_writer, at_reader, ttl) = (Arc::clone(&shared), Arc::clone(&shared), options.device_ttl);
        let read = spawn("store-reader", move || page::run(&reader, &todo, &at_reader))?;
        let write = spawn("store-writer", move || {
            writer::run(&writer, &at_writer, ttl, jobs, &ready);
            // The lock must outlive the connection: its end may still write.
            drop((writer, lock));
        })?;
        let store = Self { shared, threads: Mutex::new(vec![write, read]) };
        match opened.recv() {
            Ok(Ok(())) => Ok(store),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StoreError::Open("its writer ended at once".to_owned())),
        }
    }

    /// Stops as a crash would: nothing more is answered, and what was not committed is gone. For tests; dropping
    /// the store does the same.
    #[doc(hidden)]
    pub fn abort(&self) {
        self.shared.intake.abort();
        self.join();
    }

    fn join(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // An outlet may own the store, and then its last owner is one of these threads.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the store has panicked");
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(run).map_err(|error| StoreError::Open(format!("no thread: {error}")))
}

impl Store for SqliteStore {
    fn connect(&self, connect: Connect) {
        let session = connect.session;
        if let Err(error) = self.shared.intake.connect(connect) {
            let failed = StoreEvent::ConnectFailed { session, error };
            self.shared.outlet.deliver(session.worker, vec![failed]);
        }
    }

    fn append(&self, append: Append) {
        let reply = append.reply;
        if let Err(error) = self.shared.intake.append(append) {
            let refused = StoreEvent::Appended { token: reply.token, outcome: Err(error) };
            self.shared.outlet.deliver(reply.worker, vec![refused]);
        }
    }

    fn append_all(&self, appends: AppendAll) {
        let (reply, count) = (appends.reply, appends.messages.len());
        if let Err(error) = self.shared.intake.append_all(appends) {
            let refused = StoreEvent::AppendedAll { token: reply.token, outcomes: vec![Err(error); count] };
            self.shared.outlet.deliver(reply.worker, vec![refused]);
        }
    }

    fn acknowledge(&self, acks: Vec<Ack>) {
        self.shared.intake.acks(acks);
    }

    fn read(&self, read: Read) {
        self.shared.intake.read(read);
    }

    fn disconnect(&self, disconnect: Disconnect) {
        self.shared.intake.disconnect(disconnect.session);
    }

    fn health(&self) -> Result<(), StoreError> {
        self.shared.intake.check()?;
        self.shared.health.check()
    }

    fn counters(&self) -> Counters {
        Counters { acks_forgotten: self.shared.intake.forgotten(), ..self.shared.health.counters() }
    }

    fn close(&self) {
        self.shared.intake.close();
        self.join();
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.abort();
    }
}

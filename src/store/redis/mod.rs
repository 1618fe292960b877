//! The store for many nodes, on Redis or Valkey: the same promises as the embedded one, held in scripts.
//!
//! Everything is spread over shards. A shard holds all there is about its devices under one hash tag, so that one script call
//! resolves recipients, appends and publishes. Each shard has a lane ([`lane`]): what waits for it leaves in
//! flights ([`flight`]), one at a time. What a shard publishes to this node arrives at [`reader`], and [`watch`] tells
//! whether something was lost. All of it runs on the thread of the backplane; the face only hands over.
//!
//! What must not live here: connections (that is the backplane), sessions, sockets.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::desk::Desk;
use self::engine::Command;
use self::scripts::Scripts;
use self::shared::Shared;
use super::{
    Ack, Append, AppendAll, Connect, Counters, Disconnect, Outlet, Read, Store, StoreError, StoreEvent,
};
use crate::backplane::{Backplane, Trouble};
use crate::domain::DeviceTtl;

mod batches;
mod calls;
mod desk;
mod engine;
mod fence;
mod fences;
mod flight;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod landing;
mod lane;
mod lists;
pub mod moving;
mod pause;
mod posts;
mod publication;
mod reader;
mod scripts;
mod shared;
mod together;
mod watch;
mod whereabouts;
mod words;

/// Devices that one script serves.
const PIECE: usize = 256;
/// How long WAIT waits for replicas, in milliseconds.
const WAIT_MS: u32 = 500;
/// How long it does while they are known to be missing.
const WAIT_SHORT_MS: u32 = 20;
/// How long the start waits for a server that does not answer; then it goes on in the background.
const START_PATIENCE: Duration = Duration::from_secs(3);

/// How much may be under way: beyond it messages are refused.
#[derive(Debug, Clone, Copy)]
pub struct MaxWaiting {
    /// Messages.
    pub messages: usize,
    /// Bytes of them, with what each costs besides.
    pub bytes: usize,
}

impl Default for MaxWaiting {
    fn default() -> Self {
        Self { messages: 1 << 16, bytes: 64 << 20 }
    }
}

/// How the store uses its servers.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// What all keys begin with.
    pub prefix: String,
    /// Shards; settled when the data is made.
    pub shards: u16,
    /// Publish with SPUBLISH: in a Cluster.
    pub sharded_pubsub: bool,
    /// How long a node that is not heard of is thought to live.
    pub lease: Duration,
    /// Replicas that must have a message before it is answered.
    pub wait_replicas: u32,
    /// How long a device is remembered after its last session.
    pub ttl: DeviceTtl,
    /// How much may be under way.
    pub max_waiting: MaxWaiting,
}

impl RedisOptions {
    /// The scripts that every connection has to know.
    #[must_use]
    pub fn scripts(&self) -> Vec<String> {
        Scripts::new(self.sharded_pubsub).texts()
    }
}

/// The store on Redis. Dropped without [`Store::close`] it ends as in a crash, as soon as its backplane is stopped.
pub struct RedisStore {
    commands: UnboundedSender<Command>,
    shared: Arc<Shared>,
    outlet: Arc<dyn Outlet>,
}

impl RedisStore {
    /// Starts on the backplane. A server that does not answer is waited for in the background.
    ///
    /// # Errors
    /// When waiting will not help: the server must not be used, or its data was made with other settings.
    pub fn open(
        options: RedisOptions,
        backplane: &Backplane,
        outlet: Arc<dyn Outlet>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new(options.shards, options.max_waiting));
        let (commands, receiver) = unbounded_channel();
        let (on_thread, to) = (Arc::clone(&shared), Arc::clone(&outlet));
        backplane.spawn(move |lines| async move {
            let desk = Rc::new(Desk::new(options, on_thread, to));
            engine::run(desk, lines, receiver).await;
        });
        let store = Self { commands, shared, outlet };
        store.await_start()?;
        Ok(store)
    }

    fn await_start(&self) -> Result<(), StoreError> {
        let in_force = self.shared.await_start(START_PATIENCE).map_err(StoreError::Open)?;
        if !in_force {
            let error = self.shared.trouble();
            tracing::warn!(%error, "Redis does not answer yet; trying on, and /readyz says 503 meanwhile");
        }
        Ok(())
    }

    /// Blocks until everything that was handed over so far is carried out, what was published so far is heard here,
    /// and the counters are fresh. For tests and tools.
    pub fn settle(&self) {
        let (sender, receiver) = sync_channel(1);
        if self.commands.send(Command::Settle(sender)).is_ok() {
            let _ = receiver.recv();
        }
    }
}

impl Store for RedisStore {
    fn connect(&self, connect: Connect) {
        let session = connect.session;
        if self.shared.is_closed() || self.commands.send(Command::Connect(Box::new(connect))).is_err() {
            let failed = StoreEvent::ConnectFailed { session, error: StoreError::Closed };
            self.outlet.deliver(session.worker, vec![failed]);
        }
    }

    fn append(&self, append: Append) {
        let (reply, weight) = (append.reply, posts::weight(&append.message));
        let taken = self
            .shared
            .depart(1, weight)
            .and_then(|()| self.commands.send(Command::Append(append)).map_err(|_| StoreError::Closed));
        if let Err(error) = taken {
            let refused = StoreEvent::Appended { token: reply.token, outcome: Err(error) };
            self.outlet.deliver(reply.worker, vec![refused]);
        }
    }

    fn append_all(&self, appends: AppendAll) {
        let (reply, count) = (appends.reply, appends.messages.len());
        let weight = appends.messages.iter().map(|message| posts::weight(message)).sum();
        let taken = self
            .shared
            .depart(count, weight)
            .and_then(|()| self.commands.send(Command::AppendAll(appends)).map_err(|_| StoreError::Closed));
        if let Err(error) = taken {
            let refused = StoreEvent::AppendedAll { token: reply.token, outcomes: vec![Err(error); count] };
            self.outlet.deliver(reply.worker, vec![refused]);
        }
    }

    fn acknowledge(&self, acks: Vec<Ack>) {
        // Once the store is closed nobody is left who could acknowledge.
        let _ = self.commands.send(Command::Acks(acks));
    }

    fn read(&self, read: Read) {
        let _ = self.commands.send(Command::Read(read));
    }

    fn disconnect(&self, disconnect: Disconnect) {
        let _ = self.commands.send(Command::Disconnect(disconnect.session));
    }

    fn health(&self) -> Result<(), StoreError> {
        self.shared.health()
    }

    fn counters(&self) -> Counters {
        self.shared.counters()
    }

    fn close(&self) {
        if !self.shared.close() {
            return;
        }
        let (sender, receiver) = sync_channel(1);
        if self.commands.send(Command::Close(sender)).is_ok() {
            let _ = receiver.recv();
        }
    }
}

/// A trouble, in words for an operator.
fn explain(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Script { code, detail } if code == "MODEL" && detail.starts_with(keys::UNFINISHED) => {
            "a `postroom migrate` to this prefix is under way, or did not come to its end: run it again, it says what \
             to do"
                .to_owned()
        }
        Trouble::Script { code, detail } if code == "MODEL" => match detail.split('/').collect::<Vec<_>>()[..] {
            [keys::VERSION, shards, _] => format!(
                "the data under this prefix was made with other settings: `redis.shards` was {shards}; set it to that, \
                 or choose another `redis.prefix`"
            ),
            _ => format!(
                "the data under this prefix was made by another version of Postroom ({detail}): use that one, or \
                 choose another `redis.prefix`"
            ),
        },
        other => other.to_string(),
    }
}

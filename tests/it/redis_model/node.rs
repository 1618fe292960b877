//! A node: a store with its own way to Redis, which breaks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use postroom::backplane::{Backplane, Options, ServerUrl, Servers};
use postroom::domain::{DeviceNo, DeviceTtl, WorkerId};
use postroom::store::redis::{MaxWaiting, RedisOptions, RedisStore};
use postroom::store::{Outlet, Store, StoreEvent};

use super::plan::{LEASE, SHARDS};
use crate::support::redis::{Proxy, RedisServer};

pub(super) const PREFIX: &str = "model";

/// What comes to the test from elsewhere.
pub(super) enum News {
    /// A node (by its place and its incarnation) tells a worker.
    Told(usize, u64, WorkerId, Vec<StoreEvent>),
    /// A node has been started.
    Opened(usize, Running),
    /// Redis runs again.
    RedisRuns,
}

struct Line(usize, u64, Sender<News>);

impl Outlet for Line {
    fn deliver(&self, worker: WorkerId, events: Vec<StoreEvent>) {
        // The test may be over.
        let _ = self.2.send(News::Told(self.0, self.1, worker, events));
    }
}

/// A store at work. Dropped, it ends as in a crash.
pub(super) struct Running {
    pub(super) store: Arc<RedisStore>,
    backplane: Backplane,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.backplane.stop();
    }
}

/// A place for a node.
pub(super) struct Node {
    place: usize,
    pub(super) proxy: Proxy,
    url: String,
    news: Sender<News>,
    incarnation: u64,
    pub(super) running: Option<Running>,
    /// Sessions that bear a device.
    pub(super) sessions: HashMap<DeviceNo, Vec<u32>>,
    /// What is held up there: nothing new is begun.
    pub(super) stalled: bool,
}

impl Node {
    pub(super) fn new(place: usize, server: &RedisServer, news: Sender<News>) -> Self {
        let proxy = Proxy::start(server.port());
        let url = server.url_at(proxy.port());
        let sessions = HashMap::new();
        Self { place, proxy, url, news, incarnation: 0, running: None, sessions, stalled: false }
    }

    /// Starts a store, on a thread of its own: without an answer of Redis that takes a while.
    pub(super) fn open(&mut self, ttl: Duration) {
        self.incarnation += 1;
        let outlet = Arc::new(Line(self.place, self.incarnation, self.news.clone()));
        let (url, place, news) = (self.url.clone(), self.place, self.news.clone());
        std::thread::spawn(move || {
            let options = RedisOptions {
                prefix: PREFIX.into(),
                shards: SHARDS,
                sharded_pubsub: false,
                lease: LEASE,
                wait_replicas: 0,
                ttl: DeviceTtl::After(ttl),
                max_waiting: MaxWaiting::default(),
            };
            let servers = Servers::Single(ServerUrl::parse(&url).unwrap());
            let plane = Options { load: options.scripts(), ..Options::new(servers) };
            let backplane = Backplane::start(plane).unwrap();
            let store = Arc::new(RedisStore::open(options, &backplane, outlet).unwrap());
            let _ = news.send(News::Opened(place, Running { store, backplane }));
        });
    }

    pub(super) fn is_now(&self, incarnation: u64) -> bool {
        self.running.is_some() && self.incarnation == incarnation
    }

    pub(super) fn store(&self) -> Option<&RedisStore> {
        self.running.as_ref().map(|running| &*running.store)
    }

    /// Ends it as in a crash.
    pub(super) fn kill(&mut self) {
        self.running = None;
        self.sessions.clear();
    }

    /// Whether this comes to its end within the time.
    pub(super) fn within(&self, time: Duration, work: impl FnOnce(&RedisStore) + Send + 'static) -> bool {
        let Some(running) = &self.running else { return true };
        let (store, (done, is_done)) = (Arc::clone(&running.store), channel());
        std::thread::spawn(move || {
            work(&store);
            drop(store);
            let _ = done.send(());
        });
        is_done.recv_timeout(time).is_ok()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {}.{}", self.place, self.incarnation)
    }
}

/// Whether a node is up and in order.
pub(super) fn health(node: &Node) -> bool {
    node.store().is_some_and(|store| store.health().is_ok())
}

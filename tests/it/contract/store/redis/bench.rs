//! Stores on real servers. Tests that run at the same time share a server, each under a prefix of its own.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use postroom::backplane::{Backplane, Login, Options, ServerUrl, Servers};
use postroom::domain::DeviceTtl;
use postroom::store::redis::{MaxWaiting, RedisOptions, RedisStore};
use postroom::store::*;

use super::super::rig::{Backend, Recorder};
use crate::support::redis::{Cluster, RedisServer, Sentinels, until};

/// A place for stores: servers and a prefix.
pub(super) struct Place {
    servers: Where,
    /// `user:password@`, where it is not the default one.
    login: &'static str,
    prefix: String,
    shards: u16,
    lease: Duration,
    replicas: u32,
    /// How many more times the store settles before the master changes.
    failover: Mutex<Option<u32>>,
    current: Mutex<Weak<Running>>,
}

#[derive(Clone)]
enum Where {
    Single(Arc<RedisServer>),
    Cluster(Arc<Cluster>),
    /// Of its own: others could not stand the changes of the master.
    Sentinels(Arc<Sentinels>),
    /// One that somebody else holds, who may start it again.
    At {
        url: String,
        port: u16,
    },
}

static SINGLE: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
static CLUSTER: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
static PREFIXES: AtomicU32 = AtomicU32::new(0);

/// What others use already, or a new one; gone with the last who uses it.
fn shared<T>(cell: &Mutex<Weak<T>>, make: impl FnOnce() -> T) -> Arc<T> {
    let mut cell = cell.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    cell.upgrade().unwrap_or_else(|| {
        let made = Arc::new(make());
        *cell = Arc::downgrade(&made);
        made
    })
}

pub(super) fn single() -> Place {
    Place::new(Where::Single(shared(&SINGLE, RedisServer::start)))
}

pub(super) fn cluster() -> Place {
    Place::new(Where::Cluster(shared(&CLUSTER, || Cluster::start(3))))
}

/// The master changes once the store has settled a few times.
pub(super) fn failover() -> Place {
    let place = Place::new(Where::Sentinels(Arc::new(Sentinels::start())));
    *place.failover.lock().unwrap() = Some(3);
    place
}

impl Default for Place {
    fn default() -> Self {
        single()
    }
}

impl Place {
    fn new(servers: Where) -> Self {
        let prefix = format!("test{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
        Self {
            servers,
            login: "",
            prefix,
            shards: 5,
            lease: Duration::from_secs(10),
            replicas: 0,
            failover: Mutex::default(),
            current: Mutex::default(),
        }
    }

    /// On a server of one's own.
    pub(super) fn on(server: Arc<RedisServer>, login: &'static str) -> Self {
        Self { login, ..Self::new(Where::Single(server)) }
    }

    /// On a server that the test starts again in the middle.
    pub(super) fn at(server: &RedisServer) -> Self {
        Self::new(Where::At { url: server.url(), port: server.port() })
    }

    /// The same place once more: for another node.
    pub(super) fn twin(&self) -> Self {
        Self {
            prefix: self.prefix.clone(),
            shards: self.shards,
            lease: self.lease,
            login: self.login,
            ..Self::new(self.servers.clone())
        }
    }

    pub(super) fn with_shards(self, shards: u16) -> Self {
        Self { shards, ..self }
    }

    pub(super) fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Where so many replicas must have a message.
    pub(super) fn with_replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn has_failed_over(&self) -> bool {
        self.failover.lock().unwrap().is_none()
    }

    fn servers(&self) -> Servers {
        let parse = |url: String| ServerUrl::parse(&url).unwrap();
        match &self.servers {
            Where::Single(server) => {
                Servers::Single(parse(server.url().replacen("://", &format!("://{}", self.login), 1)))
            }
            Where::At { url, .. } => Servers::Single(parse(url.clone())),
            Where::Cluster(cluster) => Servers::Cluster(cluster.urls().into_iter().map(parse).collect()),
            Where::Sentinels(sentinels) => Servers::Sentinel {
                sentinels: sentinels.urls().into_iter().map(parse).collect(),
                master: Sentinels::NAME.into(),
                login: Login::default(),
            },
        }
    }

    fn ports(&self) -> Vec<u16> {
        match &self.servers {
            Where::Single(server) => vec![server.port()],
            Where::At { port, .. } => vec![*port],
            Where::Cluster(cluster) => cluster.nodes.iter().map(RedisServer::port).collect(),
            Where::Sentinels(sentinels) => vec![sentinels.master_port()],
        }
    }

    /// The replica, which has everything, becomes the master.
    fn fail_over(&self, store: &RedisStore) {
        let Where::Sentinels(sentinels) = &self.servers else { return };
        let before = sentinels.master_port();
        let master = sentinels.servers.iter().find(|server| server.port() == before).unwrap();
        until("the replica has everything", 20, || master.cli(&["WAIT", "1", "100"]) == "1");
        sentinels.fail_over();
        until("the master has changed", 30, || sentinels.master_port() != before);
        until("the old one follows", 30, || master.field("role").as_deref() == Some("slave"));
        store.settle();
        until("the store is in order", 30, || store.health().is_ok());
        // Subscriptions move on their own; until they are in force entries are read instead of told, which is as right but
        // not what these tests look at.
        std::thread::park_timeout(Duration::from_secs(3));
        store.settle();
    }

    /// The time of every lease is up.
    fn end_leases(&self) {
        for port in self.ports() {
            let cli = |command: &[&str]| {
                let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(command).output();
                String::from_utf8(output.unwrap().stdout).unwrap()
            };
            for key in cli(&["KEYS", &format!("{}{{*}}:lease", self.prefix)]).lines() {
                for node in cli(&["ZRANGE", key, "0", "-1"]).lines() {
                    cli(&["ZADD", key, "0", node]);
                }
            }
        }
    }
}

/// A store with its way to the servers.
pub(super) struct Running {
    store: RedisStore,
    _backplane: Backplane,
}

/// What the rig holds.
struct Held(Arc<Running>);

impl Backend for Place {
    fn open(&self, outlet: Arc<Recorder>, ttl: DeviceTtl) -> Box<dyn Store> {
        let cluster = matches!(self.servers, Where::Cluster(_));
        let options = RedisOptions {
            prefix: self.prefix.clone(),
            shards: self.shards,
            sharded_pubsub: cluster,
            lease: self.lease,
            wait_replicas: self.replicas,
            ttl,
            max_waiting: MaxWaiting::default(),
        };
        let load = options.scripts();
        let backplane = Backplane::start(Options {
            servers: self.servers(),
            ca: None,
            load,
            timeout: Duration::from_secs(5),
        })
        .unwrap();
        let store = RedisStore::open(options, &backplane, outlet).unwrap();
        assert_eq!(store.health(), Ok(()));
        let running = Arc::new(Running { store, _backplane: backplane });
        *self.current.lock().unwrap() = Arc::downgrade(&running);
        // A node that ended is swept by those that live on, step by step.
        until("those who came before are gone", 20, || {
            running.store.settle();
            running.store.counters().online == 0
        });
        Box::new(Held(running))
    }

    fn crash(&self, store: Box<dyn Store>) {
        drop(store);
        self.end_leases();
    }

    fn settle(&self) -> bool {
        let running = self.current.lock().unwrap().upgrade();
        if let Some(running) = running
            && running.store.health() != Err(StoreError::Closed)
        {
            running.store.settle();
            let due = self.failover.lock().unwrap().as_mut().is_some_and(|left| {
                *left = left.saturating_sub(1);
                *left == 0
            });
            if due {
                *self.failover.lock().unwrap() = None;
                self.fail_over(&running.store);
            }
        }
        true
    }
}

impl Store for Held {
    fn connect(&self, connect: Connect) {
        self.0.store.connect(connect);
    }

    fn append(&self, append: Append) {
        self.0.store.append(append);
    }

    fn append_all(&self, appends: AppendAll) {
        self.0.store.append_all(appends);
    }

    fn acknowledge(&self, acks: Vec<Ack>) {
        self.0.store.acknowledge(acks);
    }

    fn read(&self, read: Read) {
        self.0.store.read(read);
    }

    fn disconnect(&self, disconnect: Disconnect) {
        self.0.store.disconnect(disconnect);
    }

    fn health(&self) -> Result<(), StoreError> {
        self.0.store.health()
    }

    fn counters(&self) -> Counters {
        self.0.store.counters()
    }

    fn close(&self) {
        self.0.store.close();
    }
}

//! Which store and broker are in force: the embedded ones, or those on Redis.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::backplane::{self, Backplane, Findings, Login, ServerUrl, Servers, Trouble};
use crate::broker::redis::{RedisBroker, RedisBrokerOptions};
use crate::broker::{Broker, LocalBroker, Reception};
use crate::config::{Redis, RedisServers, RedisUrl, Server};
use crate::domain::Durability;
use crate::gateway::Switchboard;
use crate::store::redis::{MaxWaiting, RedisOptions, RedisStore};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Outlet, Store};

/// How often Redis, which does not answer yet, is asked how durable it is.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The store and the broker, and what they stand on.
pub(super) struct Stores {
    pub(super) store: Arc<dyn Store>,
    pub(super) broker: Arc<dyn Broker>,
    /// Ended last.
    pub(super) backplane: Option<Backplane>,
}

/// Opens what the settings ask for, and says what it guarantees.
pub(super) fn open(server: &Server, switchboard: &Arc<Switchboard>) -> anyhow::Result<Stores> {
    match &server.redis {
        Some(redis) => on_redis(server, redis, switchboard),
        None => embedded(server, switchboard),
    }
}

fn embedded(server: &Server, switchboard: &Arc<Switchboard>) -> anyhow::Result<Stores> {
    let options = SqliteOptions::new(&server.data, server.durability, server.device_ttl);
    let store = SqliteStore::open(&options, Arc::clone(switchboard) as Arc<dyn Outlet>)?;
    let promise = match server.durability {
        Durability::Full => {
            "a 2xx of /send survives a crash of the process, of the system, and a loss of power"
        }
        Durability::Normal => {
            "a 2xx of /send survives a crash of the process; a crash of the system may lose the last moments"
        }
    };
    let counters = store.counters();
    tracing::info!(
        store = "sqlite",
        data = %server.data.display(),
        devices = counters.devices,
        queued = counters.queued,
        "{promise}"
    );
    let broker = LocalBroker::new(Arc::clone(switchboard) as Arc<dyn Reception>);
    Ok(Stores { store: Arc::new(store), broker: Arc::new(broker), backplane: None })
}

fn on_redis(server: &Server, redis: &Redis, switchboard: &Arc<Switchboard>) -> anyhow::Result<Stores> {
    let cluster = matches!(redis.servers, RedisServers::Cluster(_));
    let options = RedisOptions {
        prefix: redis.prefix.clone(),
        shards: redis.shards,
        sharded_pubsub: cluster,
        lease: redis.lease,
        wait_replicas: redis.wait_replicas,
        ttl: server.device_ttl,
        max_waiting: MaxWaiting::default(),
    };
    let backplane = Backplane::start(backplane::Options {
        ca: redis.ca.clone(),
        load: options.scripts(),
        ..backplane::Options::new(servers(&redis.servers)?)
    })
    .map_err(|error| anyhow!(error))?;
    let outlet = Arc::clone(switchboard) as Arc<dyn Outlet>;
    let store = RedisStore::open(options, &backplane, outlet)
        .with_context(|| format!("redis at {}", redis.servers))?;
    announce(redis, &backplane, &store);
    let broker_options = RedisBrokerOptions { prefix: redis.prefix.clone(), shards: redis.shards, cluster };
    let reception = Arc::clone(switchboard) as Arc<dyn Reception>;
    let broker = RedisBroker::start(&backplane, &broker_options, reception)?;
    Ok(Stores { store: Arc::new(store), broker: Arc::new(broker), backplane: Some(backplane) })
}

/// The line at the start: which store is in force, and what a 2xx means with it. What that is comes later where Redis
/// does not answer yet.
fn announce(redis: &Redis, backplane: &Backplane, store: &RedisStore) {
    let counters = store.counters();
    let replicas = match redis.wait_replicas {
        0 => String::new(),
        wanted => format!(", and is in memory of {wanted} replicas"),
    };
    let durable = if let Ok(findings) = findings(backplane) {
        format!("a 2xx of /send is as durable as Redis: {}{replicas}", durability(&findings))
    } else {
        announce_later(backplane, replicas);
        "messages are kept in Redis, which does not answer yet; how durable a 2xx of /send is will be said then"
            .into()
    };
    tracing::info!(
        store = "redis",
        servers = %redis.servers,
        prefix = redis.prefix,
        shards = redis.shards,
        devices = counters.devices,
        queued = counters.queued,
        "{durable}"
    );
}

fn announce_later(backplane: &Backplane, replicas: String) {
    backplane.spawn(move |lines| async move {
        loop {
            tokio::time::sleep(ASK_AGAIN).await;
            if let Some(Ok(line)) = lines.try_all().await.into_iter().next() {
                let durability = durability(line.findings());
                tracing::info!(
                    store = "redis",
                    "a 2xx of /send is as durable as Redis: {durability}{replicas}"
                );
                return;
            }
        }
    });
}

fn durability(findings: &Findings) -> String {
    match (findings.appendonly, findings.appendfsync.as_deref()) {
        (false, _) => "appendonly is off, so a restart of Redis loses what is waiting".into(),
        (true, Some("always")) => {
            "appendfsync always, it survives a crash of the server and a loss of power".into()
        }
        (true, Some("everysec")) => {
            "appendfsync everysec, a crash of the server may lose the last second".into()
        }
        (true, Some(other)) => {
            format!("appendfsync {other}, a crash of the server may lose more than a second")
        }
        (true, None) => "appendfsync unknown (CONFIG is not allowed)".into(),
    }
}

fn findings(backplane: &Backplane) -> Result<Findings, Trouble> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    backplane.spawn(move |lines| async move {
        let first = lines.try_all().await.into_iter().next();
        let found = first.unwrap_or_else(|| Err(Trouble::NotNow("no server is known yet".into())));
        let _ = sender.try_send(found.map(|line| line.findings().clone()));
    });
    receiver.recv().unwrap_or_else(|_| Err(Trouble::Broken("the backplane has ended".into())))
}

/// Where the servers are, as the backplane takes it.
pub(super) fn servers(servers: &RedisServers) -> anyhow::Result<Servers> {
    let parse = |url: &RedisUrl| {
        ServerUrl::parse(url.full.expose()).map_err(|error| anyhow!("redis at {url}: {error}"))
    };
    let all = |urls: &[RedisUrl]| urls.iter().map(parse).collect::<anyhow::Result<Vec<_>>>();
    Ok(match servers {
        RedisServers::Single(url) => Servers::Single(parse(url)?),
        RedisServers::Cluster(urls) => Servers::Cluster(all(urls)?),
        RedisServers::Sentinel { sentinels, master, login } => Servers::Sentinel {
            sentinels: all(sentinels)?,
            master: master.clone(),
            login: Login {
                username: login.username.clone(),
                password: login.password.clone(),
                database: login.database.map_or(0, i64::from),
            },
        },
    })
}

#[cfg(test)]
mod tests;

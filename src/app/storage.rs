//! Where messages are kept and how they come to other nodes, as the configuration has it: the embedded store for one
//! node, or Redis for many.

use std::sync::Arc;

use anyhow::{anyhow, bail};

use crate::backplane::{Backplane, Login, Options, ServerUrl, Servers};
use crate::broker::redis::{RedisBroker, RedisBrokerOptions};
use crate::broker::{Broker, LocalBroker, Reception};
use crate::config::{Redis, RedisServers, RedisUrl, Server};
use crate::domain::Durability;
use crate::gateway::Switchboard;
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Outlet, Store};

/// Highest node number of message ids.
const LAST_NODE: u32 = 1023;

/// What keeps and what carries messages.
pub(super) struct Storage {
    pub(super) store: Arc<dyn Store>,
    pub(super) broker: Arc<dyn Broker>,
    /// To be stopped after the store was closed.
    pub(super) backplane: Option<Arc<Backplane>>,
}

/// Opens what the configuration names.
pub(super) fn open(server: &Server, switchboard: &Arc<Switchboard>) -> anyhow::Result<Storage> {
    let outlet = Arc::clone(switchboard) as Arc<dyn Outlet>;
    let reception = Arc::clone(switchboard) as Arc<dyn Reception>;
    let Some(redis) = &server.redis else {
        let (store, broker) = (open_embedded(server, outlet)?, Arc::new(LocalBroker::new(reception)));
        return Ok(Storage { store, broker, backplane: None });
    };
    let (store, backplane) = open_redis_store(redis, backplane_options(redis)?, server, outlet)?;
    let options = RedisBrokerOptions {
        prefix: redis.prefix.clone(),
        shards: redis.shards,
        cluster: matches!(redis.servers, RedisServers::Cluster(_)),
    };
    let broker = Arc::new(RedisBroker::start(&backplane, &options, reception)?);
    Ok(Storage { store, broker, backplane: Some(backplane) })
}

/// The number of this node in its message ids. Gateways that share a Redis need numbers that differ.
pub(super) fn flake_node(server: &Server) -> anyhow::Result<u64> {
    match server.flake_node {
        Some(node) => Ok(node),
        None if server.redis.is_some() => {
            let random = getrandom::u32().map_err(|error| anyhow!("no random numbers: {error}"))?;
            Ok(u64::from(random & LAST_NODE))
        }
        None => Ok(0),
    }
}

fn open_embedded(server: &Server, outlet: Arc<dyn Outlet>) -> anyhow::Result<Arc<dyn Store>> {
    let options = SqliteOptions::new(&server.data, server.durability, server.device_ttl);
    let store = SqliteStore::open(&options, outlet)?;
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
    Ok(Arc::new(store))
}

/// The store on Redis, and the backplane it works on, which the broker shares.
fn open_redis_store(
    redis: &Redis,
    _: Options,
    _: &Server,
    _: Arc<dyn Outlet>,
) -> anyhow::Result<(Arc<dyn Store>, Arc<Backplane>)> {
    bail!(
        "the store on Redis is not ready yet; delete `redis` ({}), and messages are kept in `data`",
        redis.servers
    )
}

/// The way to the servers that the configuration names.
fn backplane_options(redis: &Redis) -> anyhow::Result<Options> {
    let servers = match &redis.servers {
        RedisServers::Single(url) => Servers::Single(parsed(url)?),
        RedisServers::Cluster(urls) => Servers::Cluster(all_parsed(urls)?),
        RedisServers::Sentinel { sentinels, master, login } => Servers::Sentinel {
            sentinels: all_parsed(sentinels)?,
            master: master.clone(),
            login: Login {
                username: login.username.clone(),
                password: login.password.clone(),
                database: login.database.unwrap_or(0).into(),
            },
        },
    };
    Ok(Options { ca: redis.ca.clone(), ..Options::new(servers) })
}

fn all_parsed(urls: &[RedisUrl]) -> anyhow::Result<Vec<ServerUrl>> {
    urls.iter().map(parsed).collect()
}

fn parsed(url: &RedisUrl) -> anyhow::Result<ServerUrl> {
    ServerUrl::parse(url.full.expose()).map_err(|why| anyhow!("redis.url: {url}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load_server};

    fn server(variables: &[(&str, &str)]) -> Server {
        let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load_server(&Sources { env, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn options(variables: &[(&str, &str)]) -> Options {
        backplane_options(server(variables).redis.as_ref().unwrap()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_the_configuration_takes_the_backplane_takes_too() {
        for url in [
            "redis://x",
            "redis://x/",
            "redis://x:7000/3",
            "redis://:p%40%2C@x",
            "rediss://u:p@x",
            "redis://[::1]:7000",
            "unix:///run/redis.sock",
            "redis+unix:///run/redis.sock?db=2&user=u&pass=p",
        ] {
            let plain = options(&[("REDIS_URL", url)]);
            let login = [
                ("REDIS_URL", url),
                ("POSTROOM_REDIS_USERNAME", "v w"),
                ("POSTROOM_REDIS_PASSWORD", "a b@/#?:%,&=hunter2"),
                ("POSTROOM_REDIS_DATABASE", "5"),
            ];
            for (options, expected) in [(plain, None), (options(&login), Some("a b@/#?:%,&=hunter2"))] {
                assert!(matches!(options.servers, Servers::Single(_)), "{url}");
                assert!(!format!("{options:?}").contains("hunter2"), "{url}");
                let Servers::Single(server) = options.servers else { continue };
                if let Some(password) = expected {
                    let wanted = Login {
                        username: Some("v w".to_owned()),
                        password: Some(crate::domain::Secret::new(password)),
                        database: 5,
                    };
                    assert_eq!(server.login(), &wanted, "{url}");
                }
            }
        }
    }

    #[test]
    fn a_cluster_and_sentinels_are_passed_on() {
        let urls = ("REDIS_URL", "redis://a,redis://b:7000");
        assert!(matches!(options(&[urls]).servers, Servers::Cluster(urls) if urls.len() == 2));
        let sentinel = [urls, ("POSTROOM_REDIS_SENTINEL_MASTER", "m"), ("POSTROOM_REDIS_DATABASE", "2")];
        let Servers::Sentinel { sentinels, master, login } = options(&sentinel).servers else { panic!() };
        assert_eq!((sentinels.len(), master.as_str(), login.database), (2, "m", 2));
    }

    #[test]
    fn a_node_on_redis_takes_a_number_by_chance_where_none_is_given() {
        assert_eq!(flake_node(&server(&[])).unwrap(), 0);
        let on_redis = [("REDIS_URL", "redis://x"), ("POSTROOM_FLAKEID_ID", "7")];
        assert_eq!(flake_node(&server(&on_redis)).unwrap(), 7);
        let numbers: Vec<u64> = (0..20).map(|_| flake_node(&server(&on_redis[..1])).unwrap()).collect();
        assert!(numbers.iter().all(|number| *number <= 1023), "{numbers:?}");
        assert!(numbers.iter().any(|number| *number != numbers[0]), "{numbers:?}");
    }
}

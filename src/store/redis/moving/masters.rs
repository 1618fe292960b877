//! The servers that hold the data: one, or the masters of a Cluster, with a pool of connections to each.
//!
//! Who is in charge of what is asked once: a move does not outlive a change of masters, it fails and says so.

use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime};
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, Value};

use super::RedisPlace;
use crate::backplane::{ServerUrl, Servers, Slot, Trouble};
use crate::store::moving::MoveError;

/// Connections to one server.
const CONNECTIONS: usize = 2;

/// For a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For the answer to a pipeline: it may hold a thousand commands, and the server may be busy with others.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// One server that holds data.
pub(super) struct Master {
    /// Its slots.
    ranges: Vec<(u16, u16)>,
    /// For texts; shown without its password.
    url: ServerUrl,
    pool: Pool,
}

impl Master {
    fn new(url: ServerUrl, place: &RedisPlace) -> Result<Self, MoveError> {
        let timeouts = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let info = url.connection(place.ca.as_deref()).map_err(MoveError::Refused)?;
        let wrong = |error: &dyn std::fmt::Display| MoveError::Refused(format!("{url}: {error}"));
        let manager = Manager::new_with_config(info, timeouts).map_err(|error| wrong(&error))?;
        let pool = Pool::builder(manager).max_size(CONNECTIONS).runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|error| wrong(&error))?;
        Ok(Self { ranges: vec![(0, u16::MAX)], url, pool })
    }

    async fn connection(&self) -> Result<Connection, MoveError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => MoveError::at(&self.url, Trouble::of(error)),
            error => MoveError::at(&self.url, error),
        })
    }

    /// Asks one thing.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, MoveError> {
        let answer = command.query_async(&mut self.connection().await?).await;
        answer.map_err(|error| MoveError::at(&self.url, error))
    }

    /// Asks several things; an error of one is an error of all.
    pub(super) async fn ask_all(&self, commands: &Pipeline) -> Result<Vec<Value>, MoveError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let answer = commands.query_async(&mut self.connection().await?).await;
        answer.map_err(|error| MoveError::at(&self.url, error))
    }
}

/// All servers that hold data.
pub(super) struct Masters(Vec<Master>);

impl Masters {
    /// Finds all of them, and sees that they answer.
    pub(super) async fn find(place: &RedisPlace) -> Result<Self, MoveError> {
        let masters = match &place.servers {
            Servers::Single(url) => vec![Master::new(url.clone(), place)?],
            Servers::Cluster(seeds) => of_cluster(place, seeds).await?,
            Servers::Sentinel { .. } => vec![watched(place).await?],
        };
        for master in &masters {
            let about: String = master.ask(&redis::cmd("INFO")).await.map_err(|error| refused(&error))?;
            let in_cluster = matches!(place.servers, Servers::Cluster(_));
            ServerUrl::suits(&about, in_cluster)
                .map_err(|trouble| MoveError::Refused(format!("{}: {trouble}", master.url)))?;
        }
        Ok(Self(masters))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Master> {
        self.0.iter()
    }

    /// The one in charge of a key.
    pub(super) fn of(&self, key: &[u8]) -> Result<&Master, MoveError> {
        let slot = Slot::of(key).number();
        let has =
            |master: &&Master| master.ranges.iter().any(|(first, last)| (*first..=*last).contains(&slot));
        let nobody = || MoveError::Failed(format!("no server of the Cluster is in charge of slot {slot}"));
        self.0.iter().find(has).ok_or_else(nobody)
    }
}

/// Nothing has been done yet.
pub(super) fn refused(error: &MoveError) -> MoveError {
    MoveError::Refused(error.to_string())
}

/// The first answer that one of these servers gives.
async fn first_answer<T: FromRedisValue>(
    place: &RedisPlace,
    urls: &[ServerUrl],
    command: &Cmd,
) -> Result<(ServerUrl, T), MoveError> {
    let mut last = MoveError::Refused("no server is named".to_owned());
    for url in urls {
        match Master::new(url.clone(), place)?.ask(command).await {
            Ok(answer) => return Ok((url.clone(), answer)),
            Err(error) => last = refused(&error),
        }
    }
    Err(last)
}

/// The master that the sentinels name.
async fn watched(place: &RedisPlace) -> Result<Master, MoveError> {
    let Servers::Sentinel { sentinels, master, login } = &place.servers else {
        return Err(MoveError::Refused("no sentinel is named".to_owned()));
    };
    let mut command = redis::cmd("SENTINEL");
    command.arg("get-master-addr-by-name").arg(master);
    let (sentinel, found): (_, Option<(String, u16)>) = first_answer(place, sentinels, &command).await?;
    let unknown = || MoveError::Refused(format!("{sentinel} knows no master named {master}"));
    let (host, port) = found.ok_or_else(unknown)?;
    Master::new(sentinel.elsewhere(&host, port, login.clone()), place)
}

/// The masters of a Cluster.
async fn of_cluster(place: &RedisPlace, seeds: &[ServerUrl]) -> Result<Vec<Master>, MoveError> {
    let (seed, ranges): (_, Vec<Vec<Value>>) =
        first_answer(place, seeds, redis::cmd("CLUSTER").arg("SLOTS")).await?;
    let mut masters: Vec<Master> = Vec::new();
    for range in ranges {
        let wrong = || MoveError::Refused(format!("{seed}: its answer to CLUSTER SLOTS cannot be read"));
        let (first, last, host, port) = read_range(range).ok_or_else(wrong)?;
        let url = seed.elsewhere(&host, port, seed.login().clone());
        if let Some(known) = masters.iter_mut().find(|known| known.url == url) {
            known.ranges.push((first, last));
        } else {
            let ranges = vec![(first, last)];
            masters.push(Master { ranges, ..Master::new(url, place)? });
        }
    }
    if masters.is_empty() {
        return Err(MoveError::Refused(format!("{seed}: no server of the Cluster has slots")));
    }
    Ok(masters)
}

/// A range of slots: first, last, host and port of its master. Without a host it is that of the one who answers.
fn read_range(range: Vec<Value>) -> Option<(u16, u16, String, u16)> {
    let mut range = range.into_iter();
    let first = redis::from_redis_value(range.next()?).ok()?;
    let last = redis::from_redis_value(range.next()?).ok()?;
    let Value::Array(master) = range.next()? else { return None };
    let mut master = master.into_iter();
    let host: Option<String> = redis::from_redis_value(master.next()?).ok()?;
    let port = redis::from_redis_value(master.next()?).ok()?;
    Some((first, last, host.unwrap_or_default(), port))
}

//! Who is in charge of a slot: the only server, the master that the sentinels name, or a node of the Cluster.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use redis::Value;
use tokio::sync::Notify;

use super::backoff::Attempts;
use super::check::text;
use super::dial::Dialer;
use super::server::Login;
use super::{ServerUrl, Servers, Slot, Trouble};

/// Between two times of asking.
const PAUSE: Duration = Duration::from_millis(200);

/// Knows who is in charge, and asks when that is in doubt.
pub(super) struct Charge {
    servers: Servers,
    dialer: Rc<Dialer>,
    known: RefCell<Vec<Part>>,
    /// Counts up when something else is known.
    version: Cell<u64>,
    in_doubt: Cell<bool>,
    attempts: Attempts,
    /// Whom to ask first: the next one each time, as one may be cut off from the others.
    turn: Cell<usize>,
    /// Told when there is a doubt.
    doubted: Rc<Notify>,
}

/// Slots that follow one another, and their server.
#[derive(Clone, PartialEq, Eq)]
struct Part {
    first: u16,
    last: u16,
    server: ServerUrl,
}

impl Charge {
    pub(super) fn new(servers: Servers, dialer: Rc<Dialer>, doubted: Rc<Notify>) -> Self {
        let known = match &servers {
            Servers::Single(server) => vec![Part::all(server.clone())],
            _ => Vec::new(),
        };
        let in_doubt = Cell::new(known.is_empty());
        let (attempts, turn) = (Attempts::default(), Cell::default());
        let (known, version) = (RefCell::new(known), Cell::new(1));
        Self { servers, dialer, known, version, in_doubt, attempts, turn, doubted }
    }

    /// The server in charge of a slot.
    pub(super) async fn of(&self, slot: Slot) -> Result<ServerUrl, Trouble> {
        self.settle().await?;
        let known = self.known.borrow();
        let part = known.iter().find(|part| (part.first..=part.last).contains(&slot.number()));
        part.map(|part| part.server.clone()).ok_or_else(|| {
            // Comes right by itself, when somebody takes the slot over.
            self.in_doubt.set(true);
            Trouble::NotNow(format!("CLUSTERDOWN no server is in charge of slot {}", slot.number()))
        })
    }

    /// All servers in charge, each once.
    pub(super) async fn all(&self) -> Result<Vec<ServerUrl>, Trouble> {
        self.settle().await?;
        Ok(servers(&self.known.borrow()))
    }

    /// Whether this server is in charge of anything, as far as known.
    pub(super) fn has(&self, server: &ServerUrl) -> bool {
        self.known.borrow().iter().any(|part| part.server == *server)
    }

    /// What is known may be out of date. A single server is always in charge.
    pub(super) fn doubt(&self) {
        if !matches!(self.servers, Servers::Single(_)) {
            self.in_doubt.set(true);
        }
        self.doubted.notify_one();
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    pub(super) fn version(&self) -> u64 {
        self.version.get()
    }

    /// Finds out what is not known.
    pub(super) async fn settle(&self) -> Result<(), Trouble> {
        let ready = || (!self.in_doubt.get()).then_some(());
        self.attempts.share(ready, self.find_out()).await
    }

    async fn find_out(&self) -> Result<(), Trouble> {
        let found = match &self.servers {
            Servers::Single(_) => return Ok(()),
            Servers::Cluster(seeds) => self.ask_cluster(seeds).await,
            Servers::Sentinel { sentinels, master, login } => {
                self.ask_sentinels(sentinels, master, login).await.map(|server| vec![Part::all(server)])
            }
        };
        self.attempts.backoff.pause(PAUSE);
        let found = found?;
        self.in_doubt.set(false);
        if *self.known.borrow() == found {
            return Ok(());
        }
        self.version.set(self.version.get() + 1);
        let before = servers(&self.known.replace(found));
        let now = servers(&self.known.borrow());
        if !before.is_empty() && (before.len() != now.len() || !before.iter().all(|one| now.contains(one))) {
            let names: Vec<String> = now.iter().map(ServerUrl::to_string).collect();
            tracing::info!(servers = names.join(" "), "other Redis servers are in charge now");
        }
        Ok(())
    }

    async fn ask_cluster(&self, seeds: &[ServerUrl]) -> Result<Vec<Part>, Trouble> {
        let known: Vec<ServerUrl> = self.known.borrow().iter().map(|part| part.server.clone()).collect();
        let mut question = redis::pipe();
        question.cmd("CLUSTER").arg("SLOTS");
        let mut nodes: Vec<&ServerUrl> = Vec::new();
        for node in known.iter().chain(seeds) {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        let read = |node: &ServerUrl, answer: &Value| {
            let parts = parts(answer, node).filter(|parts| !parts.is_empty());
            parts.ok_or_else(|| Trouble::NotNow(format!("CLUSTERDOWN {node} knows of no slots")))
        };
        self.ask(&nodes, &question, read).await
    }

    async fn ask_sentinels(
        &self,
        sentinels: &[ServerUrl],
        master: &str,
        login: &Login,
    ) -> Result<ServerUrl, Trouble> {
        let tls = sentinels.first().is_some_and(ServerUrl::is_tls);
        let mut question = redis::pipe();
        question.cmd("SENTINEL").arg("get-master-addr-by-name").arg(master);
        let read = |_: &ServerUrl, answer: &Value| {
            let address = match answer {
                Value::Array(address) => address.first().and_then(text).zip(address.get(1).and_then(text)),
                _ => None,
            };
            let server = address
                .and_then(|(host, port)| Some(ServerUrl::at(&host, port.parse().ok()?, tls, login.clone())));
            server.ok_or_else(|| {
                Trouble::Refused(format!(
                    "the sentinels know no master {master:?}: check `redis.sentinelMaster`"
                ))
            })
        };
        self.ask(&sentinels.iter().collect::<Vec<_>>(), &question, read).await
    }

    /// Asks one after the other, until one has an answer. What most needs mending is the trouble of all.
    async fn ask<T>(
        &self,
        whom: &[&ServerUrl],
        question: &redis::Pipeline,
        read: impl Fn(&ServerUrl, &Value) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let first = self.turn.replace(self.turn.get().wrapping_add(1));
        let mut worst = None;
        for at in 0..whom.len() {
            let Some(server) = whom.get((first.wrapping_add(at)) % whom.len()) else { continue };
            let answer = async {
                let connection = self.dialer.dial(server, None).await?;
                let mut answers = connection.send(question).await?;
                answers
                    .pop()
                    .unwrap_or_else(|| Err(Trouble::Broken("an answer is missing".into())))
                    .map_err(another)
            };
            match answer.await.and_then(|answer| read(server, &answer)) {
                Ok(answer) => return Ok(answer),
                Err(trouble @ Trouble::Refused(_)) => worst = Some(trouble),
                Err(trouble) => worst = worst.or(Some(trouble)),
            }
        }
        Err(worst.unwrap_or_else(|| Trouble::Refused("there is nobody to ask: name a server".into())))
    }
}

impl Part {
    fn all(server: ServerUrl) -> Self {
        Self { first: 0, last: Slot::COUNT - 1, server }
    }
}

/// A server of another kind than the settings say does not know the question.
fn another(trouble: Trouble) -> Trouble {
    let Trouble::Foreign(said) = &trouble else { return trouble };
    if said.contains("cluster support disabled") {
        Trouble::Refused(
            "it is not a node of a Cluster: name it alone, as a single server (one URL, no `redis.cluster`)"
                .into(),
        )
    } else if said.to_ascii_lowercase().contains("unknown command") {
        Trouble::Refused(
            "it is not a sentinel: name those in `redis.url`, or leave `redis.sentinelMaster` out".into(),
        )
    } else {
        trouble
    }
}

/// The servers of these parts, each once.
fn servers(parts: &[Part]) -> Vec<ServerUrl> {
    let mut servers: Vec<ServerUrl> = Vec::new();
    for part in parts {
        if !servers.contains(&part.server) {
            servers.push(part.server.clone());
        }
    }
    servers
}

/// What `asked` says in answer to CLUSTER SLOTS. A node without an address is the one that was asked.
fn parts(answer: &Value, asked: &ServerUrl) -> Option<Vec<Part>> {
    let Value::Array(parts) = answer else { return None };
    parts.iter().map(|part| self::part(part, asked)).collect()
}

fn part(part: &Value, asked: &ServerUrl) -> Option<Part> {
    let Value::Array(part) = part else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = part.as_slice() else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
    let host = text(host).filter(|host| !host.is_empty() && host != "?");
    let own = match &asked.place {
        super::server::Place::Tcp { host, .. } => host.clone(),
        super::server::Place::Unix(_) => "127.0.0.1".to_owned(),
    };
    let port = u16::try_from(*port).ok()?;
    let server = ServerUrl::at(&host.unwrap_or(own), port, asked.is_tls(), asked.login.clone());
    Some(Part { first: u16::try_from(*first).ok()?, last: u16::try_from(*last).ok()?, server })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_a_node_without_address_is_the_one_asked() {
        let node =
            |host: Value, port| Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".into())]);
        let part = |first, last, master| Value::Array(vec![Value::Int(first), Value::Int(last), master]);
        let answer = Value::Array(vec![
            part(0, 99, node(Value::BulkString(b"10.0.0.1".into()), 7000)),
            part(100, 16_383, node(Value::Nil, 7001)),
        ]);
        let asked = ServerUrl::parse("rediss://:x@10.0.0.2:7001").unwrap();
        let parts = parts(&answer, &asked).unwrap();
        assert_eq!(parts[0].server, ServerUrl::parse("rediss://:x@10.0.0.1:7000").unwrap());
        assert_eq!((parts[1].first, parts[1].last, &parts[1].server), (100, 16_383, &asked));
    }
}

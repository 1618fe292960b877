//! Lines: one to each server in charge, found again when it is lost.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::backoff::Attempts;
use super::charge::Charge;
use super::check::{Findings, check};
use super::dial::Dialer;
use super::feed::{Feeds, Subscription};
use super::line::{Line, Wire};
use super::outage::Outage;
use super::{Options, ServerUrl, Slot, Trouble};

/// A line that broke sooner counts as a failed attempt.
const STABLE: Duration = Duration::from_secs(1);

/// The way to all servers. Lives on the thread of the [`Backplane`](super::Backplane).
pub struct Lines {
    pub(super) charge: Charge,
    pub(super) dialer: Rc<Dialer>,
    pub(super) feeds: Rc<Feeds>,
    load: Vec<String>,
    servers: RefCell<HashMap<String, Rc<Server>>>,
    /// What was warned of already.
    warned: Cell<bool>,
}

/// One server, as far as commands go.
struct Server {
    url: ServerUrl,
    line: RefCell<Option<Line>>,
    attempts: Attempts,
    outage: Outage,
}

impl Lines {
    pub(super) fn new(options: Options, dialer: Dialer) -> Self {
        let (dialer, doubted) = (Rc::new(dialer), Rc::new(Notify::new()));
        let charge = Charge::new(options.servers, Rc::clone(&dialer), Rc::clone(&doubted));
        let feeds = Rc::new(Feeds::new(doubted));
        let (load, servers) = (options.load, RefCell::default());
        Self { charge, dialer, feeds, load, servers, warned: Cell::new(false) }
    }

    /// The line to the server in charge of a slot. Where there is none it is made: by one attempt for all who wait, not
    /// earlier than the backoff wants. Whoever fails may simply call again.
    ///
    /// # Errors
    /// Why that attempt failed: [`Trouble::Broken`] when the server cannot be reached, [`Trouble::Refused`] when it
    /// must not be used, [`Trouble::NotNow`] while it loads, [`Trouble::Elsewhere`] when it is a replica.
    pub async fn line(&self, slot: Slot) -> Result<Line, Trouble> {
        let url = self.charge.of(slot).await?;
        self.to(&url).await
    }

    /// One attempt to every server in charge, or the trouble of finding them.
    pub async fn try_all(&self) -> Vec<Result<Line, Trouble>> {
        let urls = match self.charge.all().await {
            Ok(urls) => urls,
            Err(trouble) => return vec![Err(trouble)],
        };
        let mut lines = Vec::new();
        for url in urls {
            lines.push(self.to(&url).await);
        }
        lines
    }

    /// Tells that this line gave that trouble. A broken one is given up, for all who use it; where somebody else may be
    /// in charge, that is found out. Reports about a line that was given up already do nothing.
    pub fn report(&self, line: &Line, trouble: &Trouble) {
        let server = self.servers.borrow().get(line.server()).map(Rc::clone);
        let Some(server) = server.filter(|server| server.has(line)) else { return };
        match trouble {
            Trouble::Broken(_) => self.lost(&server, trouble),
            // A new line begins with its scripts loaded.
            Trouble::NotNow(_) if trouble.is_unknown_script() => drop(server.line.take()),
            Trouble::NotNow(_) if trouble.is_cluster_down() => self.charge.doubt(),
            Trouble::Elsewhere(_) => {
                // In a Cluster it is still in charge of other slots.
                if !self.charge.is_cluster() {
                    self.lost(&server, trouble);
                }
                self.charge.doubt();
            }
            _ => {}
        }
    }

    /// News of a channel, as long as the subscription is held. Begins with [`News::Ready`](super::News::Ready), as soon
    /// as the server in charge of the slot has confirmed it.
    pub fn subscribe(&self, slot: Slot, channel: Vec<u8>) -> Subscription {
        Feeds::subscribe(&self.feeds, slot, channel)
    }

    async fn to(&self, url: &ServerUrl) -> Result<Line, Trouble> {
        let server = self.server(url);
        server.attempts.share(|| self.current(&server), self.connect(&server)).await
    }

    fn server(&self, url: &ServerUrl) -> Rc<Server> {
        let mut servers = self.servers.borrow_mut();
        let server = servers.entry(url.to_string()).or_insert_with(|| Rc::new(Server::new(url.clone())));
        Rc::clone(server)
    }

    /// The line there is, unless it is over.
    fn current(&self, server: &Server) -> Option<Line> {
        let line = server.line.borrow().clone()?;
        if line.0.connection.is_over() {
            self.lost(server, &Trouble::Broken("the server closed the connection".into()));
            return None;
        }
        Some(line)
    }

    async fn connect(&self, server: &Server) -> Result<Line, Trouble> {
        match self.dial(&server.url).await {
            Ok(line) => {
                server.attempts.backoff.succeeded();
                server.line.replace(Some(line.clone()));
                server.outage.ends(&line.0.server, "Redis is back");
                self.forget_others();
                self.warn(line.findings(), &line.0.server);
                Ok(line)
            }
            Err(trouble) => {
                server.attempts.backoff.failed();
                server.outage.begins(&server.url, "cannot use Redis", &trouble);
                self.charge.doubt();
                Err(trouble)
            }
        }
    }

    /// Lets go of servers that are in charge of nothing any more.
    fn forget_others(&self) {
        self.servers.borrow_mut().retain(|name, server| {
            let stays = self.charge.has(&server.url);
            if !stays {
                server.outage.ends(name, "another Redis server has taken over from this one");
            }
            stays
        });
    }

    async fn dial(&self, url: &ServerUrl) -> Result<Line, Trouble> {
        let connection = self.dialer.dial(url, None).await?;
        let findings = check(&connection, url, self.charge.is_cluster(), &self.load).await?;
        Ok(Line(Rc::new(Wire { connection, server: url.to_string(), findings, since: Instant::now() })))
    }

    /// Gives the line up.
    fn lost(&self, server: &Server, trouble: &Trouble) {
        let Some(line) = server.line.take() else { return };
        line.0.connection.end();
        if line.0.since.elapsed() < STABLE {
            server.attempts.backoff.failed();
        }
        server.outage.begins(&server.url, "lost Redis", trouble);
        self.charge.doubt();
    }

    /// Says once what an operator should know.
    fn warn(&self, findings: &Findings, server: &str) {
        if self.warned.replace(true) {
            return;
        }
        if !findings.appendonly {
            tracing::warn!(
                server,
                "Redis keeps nothing on disk (appendonly no): its restart loses all messages"
            );
        } else if findings.appendfsync.is_none() {
            tracing::warn!(
                server,
                "CONFIG is forbidden: how Redis writes to disk (appendfsync) is not known"
            );
        }
    }
}

impl Server {
    fn new(url: ServerUrl) -> Self {
        let outage = Outage::default();
        Self { url, line: RefCell::default(), attempts: Attempts::default(), outage }
    }

    fn has(&self, line: &Line) -> bool {
        self.line.borrow().as_ref().is_some_and(|current| current.is(line))
    }
}

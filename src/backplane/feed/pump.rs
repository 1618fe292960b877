//! A pump: the connection that brings what is published on one server.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use super::super::backoff::Backoff;
use super::super::check::check;
use super::super::dial::Connection;
use super::super::lines::Lines;
use super::super::outage::Outage;
use super::super::{ServerUrl, Trouble};

/// Between two questions whether the server is still there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Runs while there are channels for its server.
pub(super) struct Pump {
    /// Told when there is something to look at.
    pub(super) changed: Notify,
    /// Channels that have come, gone, or could not be subscribed to.
    todo: RefCell<HashSet<Vec<u8>>>,
}

impl Pump {
    pub(super) fn start(server: ServerUrl, lines: &Rc<Lines>) -> Rc<Self> {
        let pump = Rc::new(Self { changed: Notify::new(), todo: RefCell::default() });
        let name = server.to_string();
        let run = Run { lines: Rc::clone(lines), pump: Rc::clone(&pump), server, name };
        tokio::task::spawn_local(run.until_idle());
        pump
    }

    /// A channel has come or gone.
    pub(super) fn changed(&self, channel: &[u8]) {
        self.todo.borrow_mut().insert(channel.to_vec());
        self.changed.notify_one();
    }
}

/// What the task of a pump knows.
struct Run {
    lines: Rc<Lines>,
    pump: Rc<Pump>,
    server: ServerUrl,
    name: String,
}

/// What was asked for on a connection.
#[derive(Default)]
struct Asked {
    held: HashSet<Vec<u8>>,
    /// Whose end was asked for, and is not confirmed yet.
    leaving: HashSet<Vec<u8>>,
}

impl Run {
    async fn until_idle(self) {
        let (backoff, outage) = (Backoff::default(), Outage::default());
        while !self.lines.feeds.of(&self.name).is_empty() {
            backoff.wait().await;
            let ended = self.serve(&backoff, &outage).await;
            self.lines.feeds.lost(&self.name);
            if let Err(trouble) = ended {
                outage.begins(&self.server, "lost the subscriptions at Redis", &trouble);
                backoff.failed();
                self.lines.charge.doubt();
            }
        }
        outage.ends(&self.name, "no subscriptions are wanted of this Redis server any more");
        self.lines.feeds.pumps.borrow_mut().remove(&self.name);
    }

    /// Until no channel is left.
    async fn serve(&self, backoff: &Backoff, outage: &Outage) -> Result<(), Trouble> {
        let (sender, mut pushes) = unbounded_channel();
        let connection = self.lines.dialer.dial(&self.server, Some(sender)).await?;
        check(&connection, &self.server, self.lines.charge.is_cluster(), &[]).await?;
        let mut asked = Asked::default();
        self.pump.todo.replace(self.lines.feeds.of(&self.name).into_iter().collect());
        if !self.agree(&connection, &mut asked).await? {
            return Ok(());
        }
        backoff.succeeded();
        outage.ends(&self.name, "the subscriptions at Redis are back");
        let mut heartbeat = std::pin::pin!(heartbeat(&connection));
        loop {
            tokio::select! {
                push = pushes.recv() => self.take(push, &mut asked)?,
                () = self.pump.changed.notified() => {
                    if !self.agree(&connection, &mut asked).await? {
                        return Ok(());
                    }
                }
                trouble = &mut heartbeat => return Err(trouble),
            }
        }
    }

    /// Subscribes and unsubscribes what is new; false when nothing is left. Of a channel that the server does not have
    /// (any more) who does is found out, and it comes back here if it was a mistake.
    async fn agree(&self, connection: &Connection, asked: &mut Asked) -> Result<bool, Trouble> {
        let (mut join, mut leave) = (Vec::new(), Vec::new());
        for channel in self.pump.todo.take() {
            let (is_wanted, is_in_force) = self.lines.feeds.state(&channel, &self.name);
            match (is_wanted, asked.held.contains(&channel)) {
                (true, false) => join.push(channel),
                (false, true) => leave.push(channel),
                // Went and came back before anybody looked.
                (true, true) if !is_in_force => self.lines.feeds.confirmed(&channel, &self.name),
                _ => {}
            }
        }
        let (subscribe, unsubscribe) = if self.lines.charge.is_cluster() {
            ("SSUBSCRIBE", "SUNSUBSCRIBE")
        } else {
            ("SUBSCRIBE", "UNSUBSCRIBE")
        };
        let mut commands = redis::pipe();
        for channel in &leave {
            commands.cmd(unsubscribe).arg(channel);
            asked.held.remove(channel);
            asked.leaving.insert(channel.clone());
        }
        for channel in &join {
            commands.cmd(subscribe).arg(channel);
        }
        let answers = connection.send(&commands).await?;
        for (channel, answer) in join.into_iter().zip(answers.into_iter().skip(leave.len())) {
            match answer {
                Ok(_) => drop(asked.held.insert(channel)),
                Err(Trouble::Elsewhere(_) | Trouble::NotNow(_)) if self.lines.charge.is_cluster() => {
                    self.pump.todo.borrow_mut().insert(channel);
                    self.lines.charge.doubt();
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(!asked.held.is_empty() || !self.lines.feeds.of(&self.name).is_empty())
    }

    fn take(&self, push: Option<PushInfo>, asked: &mut Asked) -> Result<(), Trouble> {
        let over = || Trouble::Broken("the server closed the connection".into());
        let PushInfo { kind, data } = push.ok_or_else(over)?;
        let mut data = data.into_iter();
        let Some(Value::BulkString(channel)) = data.next() else {
            return if kind == PushKind::Disconnection { Err(over()) } else { Ok(()) };
        };
        match (kind, data.next()) {
            (PushKind::Message | PushKind::SMessage, Some(Value::BulkString(payload))) => {
                self.lines.feeds.published(&channel, payload);
            }
            (PushKind::Subscribe | PushKind::SSubscribe, _) => {
                self.lines.feeds.confirmed(&channel, &self.name);
            }
            // Not asked for: the slot has moved. The answers on this connection may be shifted by one now.
            (PushKind::Unsubscribe | PushKind::SUnsubscribe, _)
                if !asked.leaving.remove(&channel) && asked.held.contains(&channel) =>
            {
                return Err(Trouble::Elsewhere("the server has given a slot away".into()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Asks again and again whether the server is there; ends when it is not.
async fn heartbeat(connection: &Connection) -> Trouble {
    let mut ping = redis::pipe();
    ping.cmd("PING");
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Err(trouble) = connection.send(&ping).await {
            return trouble;
        }
    }
}

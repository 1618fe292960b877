//! Feeds: what is published, brought to those who subscribed.
//!
//! One connection to each server in charge of somebody's channel (`pump`), which never waits for a reader. A channel
//! follows its slot from server to server. What must not live here: what is published.

mod pump;
mod queue;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use self::pump::Pump;
pub use self::queue::News;
use self::queue::Queue;
use super::lines::Lines;
use super::{ServerUrl, Slot};

/// Between two times of finding out who is in charge, when that fails.
const PAUSE: Duration = Duration::from_millis(200);

/// Who subscribed to what.
pub(super) struct Feeds {
    channels: RefCell<HashMap<Vec<u8>, Channel>>,
    pumps: RefCell<HashMap<String, Rc<Pump>>>,
    /// New channels, which have no server yet.
    fresh: RefCell<Vec<Vec<u8>>>,
    /// Told when there is a new channel, or a doubt about who is in charge.
    changed: Rc<Notify>,
}

struct Channel {
    slot: Slot,
    /// Its server, as far as known.
    at: Option<String>,
    /// The server has confirmed it.
    in_force: bool,
    readers: Vec<Rc<Queue>>,
}

/// A subscription to a channel; ends when dropped.
pub struct Subscription {
    feeds: Rc<Feeds>,
    channel: Vec<u8>,
    queue: Rc<Queue>,
}

impl Subscription {
    /// The next news. May be dropped without losing any.
    pub async fn next(&mut self) -> News {
        self.queue.next().await
    }

    /// News that is there already.
    pub fn try_next(&mut self) -> Option<News> {
        self.queue.try_next()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut channels = self.feeds.channels.borrow_mut();
        let Some(channel) = channels.get_mut(&self.channel) else { return };
        channel.readers.retain(|reader| !Rc::ptr_eq(reader, &self.queue));
        if channel.readers.is_empty() {
            let at = channels.remove(&self.channel).and_then(|channel| channel.at);
            self.feeds.look_at(at.as_ref(), &self.channel);
        }
    }
}

impl Feeds {
    pub(super) fn new(changed: Rc<Notify>) -> Self {
        let (channels, pumps, fresh) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { channels, pumps, fresh, changed }
    }

    pub(super) fn subscribe(feeds: &Rc<Self>, slot: Slot, channel: Vec<u8>) -> Subscription {
        let queue = Rc::new(Queue::default());
        let mut channels = feeds.channels.borrow_mut();
        let entry = channels.entry(channel.clone()).or_insert_with(|| {
            feeds.fresh.borrow_mut().push(channel.clone());
            feeds.changed.notify_one();
            Channel { slot, at: None, in_force: false, readers: Vec::new() }
        });
        if entry.in_force {
            queue.push(News::Ready);
        }
        entry.readers.push(Rc::clone(&queue));
        Subscription { feeds: Rc::clone(feeds), channel, queue }
    }

    /// Brings every channel to the server in charge, for as long as it is polled.
    pub(super) async fn run(lines: Rc<Lines>) {
        let mut version = 0;
        loop {
            lines.feeds.changed.notified().await;
            while !lines.feeds.place_all(&lines, &mut version).await {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Places what is new, and everything where others are in charge than in that `version`. False when it has to be
    /// tried again.
    async fn place_all(&self, lines: &Rc<Lines>, version: &mut u64) -> bool {
        if let Err(trouble) = lines.charge.settle().await {
            tracing::debug!(reason = %trouble, "who is in charge of the subscriptions is not known");
            return false;
        }
        let mut names = self.fresh.take();
        if *version != lines.charge.version() {
            *version = lines.charge.version();
            names = self.channels.borrow().keys().cloned().collect();
        }
        for name in names {
            let Some(slot) = self.channels.borrow().get(&name).map(|channel| channel.slot) else { continue };
            match lines.charge.of(slot).await {
                Ok(server) => self.place(&name, &server, lines),
                Err(trouble) => {
                    tracing::debug!(reason = %trouble, "who is in charge of a subscription is not known");
                    self.fresh.borrow_mut().push(name);
                }
            }
        }
        // Those who could not subscribe to something try it again.
        self.pumps.borrow().values().for_each(|pump| pump.changed.notify_one());
        self.fresh.borrow().is_empty()
    }

    fn place(&self, name: &[u8], server: &ServerUrl, lines: &Rc<Lines>) {
        let at = server.to_string();
        let mut channels = self.channels.borrow_mut();
        let Some(channel) = channels.get_mut(name).filter(|channel| channel.at.as_ref() != Some(&at)) else {
            return;
        };
        channel.in_force = false;
        let before = channel.at.replace(at.clone());
        drop(channels);
        self.pumps.borrow_mut().entry(at.clone()).or_insert_with(|| Pump::start(server.clone(), lines));
        self.look_at(before.as_ref(), name);
        self.look_at(Some(&at), name);
    }

    /// Tells the pump of a server that a channel has come or gone.
    fn look_at(&self, server: Option<&String>, channel: &[u8]) {
        if let Some(pump) = server.and_then(|server| self.pumps.borrow().get(server).map(Rc::clone)) {
            pump.changed(channel);
        }
    }

    /// The channels that this server has to bring.
    fn of(&self, server: &str) -> Vec<Vec<u8>> {
        let channels = self.channels.borrow();
        let here = channels.iter().filter(|(_, channel)| channel.at.as_deref() == Some(server));
        here.map(|(name, _)| name.clone()).collect()
    }

    /// Whether this server has to bring it, and has confirmed it.
    fn state(&self, channel: &[u8], server: &str) -> (bool, bool) {
        let channels = self.channels.borrow();
        let here = channels.get(channel).filter(|channel| channel.at.as_deref() == Some(server));
        (here.is_some(), here.is_some_and(|channel| channel.in_force))
    }

    /// This server has confirmed it.
    fn confirmed(&self, channel: &[u8], server: &str) {
        if let Some(channel) = self.channels.borrow_mut().get_mut(channel)
            && channel.at.as_deref() == Some(server)
        {
            channel.in_force = true;
            channel.readers.iter().for_each(|reader| reader.push(News::Ready));
        }
    }

    fn published(&self, channel: &[u8], payload: Vec<u8>) {
        if let Some(channel) = self.channels.borrow().get(channel) {
            let payload = bytes::Bytes::from(payload);
            channel.readers.iter().for_each(|reader| reader.push(News::Payload(payload.clone())));
        }
    }

    /// The connection to this server is lost.
    fn lost(&self, server: &str) {
        for channel in self.channels.borrow_mut().values_mut() {
            channel.in_force &= channel.at.as_deref() != Some(server);
        }
    }
}

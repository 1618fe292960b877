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
    /// Told when there is a new channel, one less, or a doubt about who is in charge.
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
            channels.remove(&self.channel);
            self.feeds.changed.notify_one();
        }
    }
}

impl Feeds {
    pub(super) fn new(changed: Rc<Notify>) -> Self {
        Self { channels: RefCell::default(), pumps: RefCell::default(), changed }
    }

    pub(super) fn subscribe(feeds: &Rc<Self>, slot: Slot, channel: Vec<u8>) -> Subscription {
        let queue = Rc::new(Queue::default());
        let mut channels = feeds.channels.borrow_mut();
        let entry = channels.entry(channel.clone()).or_insert_with(|| {
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
        loop {
            lines.feeds.changed.notified().await;
            while !lines.feeds.place_all(&lines).await {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// False when it has to be tried again.
    async fn place_all(&self, lines: &Rc<Lines>) -> bool {
        let slots: Vec<(Vec<u8>, Slot)> =
            self.channels.borrow().iter().map(|(name, channel)| (name.clone(), channel.slot)).collect();
        let mut all = true;
        for (channel, slot) in slots {
            match lines.charge.of(slot).await {
                Ok(server) => self.place(&channel, &server, lines),
                Err(trouble) => {
                    tracing::debug!(reason = %trouble, "who is in charge of a subscription is not known");
                    all = false;
                    break;
                }
            }
        }
        for pump in self.pumps.borrow().values() {
            pump.changed.notify_one();
        }
        all
    }

    fn place(&self, channel: &[u8], server: &ServerUrl, lines: &Rc<Lines>) {
        let at = server.to_string();
        if let Some(channel) = self.channels.borrow_mut().get_mut(channel)
            && channel.at.as_ref() != Some(&at)
        {
            (channel.at, channel.in_force) = (Some(at.clone()), false);
        }
        self.pumps.borrow_mut().entry(at).or_insert_with(|| Pump::start(server.clone(), lines));
    }

    /// The channels that this server has to bring.
    fn of(&self, server: &str) -> Vec<Vec<u8>> {
        let channels = self.channels.borrow();
        let here = channels.iter().filter(|(_, channel)| channel.at.as_deref() == Some(server));
        here.map(|(name, _)| name.clone()).collect()
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

//! A broker on the bench: messages by hand, what is heard awaited.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use postroom::broker::*;
use postroom::domain::*;

/// A failing test ends after this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes brokers that reach one another.
pub(super) trait Backend {
    /// The broker of one more node.
    fn node(&self, reception: Arc<Heard>) -> Box<dyn Broker>;
}

/// A reception that remembers.
#[derive(Default)]
pub(super) struct Heard {
    log: Mutex<Vec<Arc<Message>>>,
    changed: Condvar,
}

impl Reception for Heard {
    fn broadcast(&self, message: Arc<Message>) {
        self.log.lock().unwrap().push(message);
        self.changed.notify_all();
    }
}

/// One node.
pub(super) struct Node {
    pub(super) broker: Box<dyn Broker>,
    heard: Arc<Heard>,
}

impl Node {
    pub(super) fn new(backend: &impl Backend) -> Self {
        let heard = Arc::new(Heard::default());
        Self { broker: backend.node(Arc::clone(&heard)), heard }
    }

    /// Listens to rooms, and waits until it hears them.
    pub(super) fn listen(&self, rooms: &[&str]) {
        self.broker.listen(&shop(), &named(rooms));
        assert_eq!(wait(self.broker.in_force(&shop(), &named(rooms))), Ok(()));
    }

    pub(super) fn unlisten(&self, rooms: &[&str]) {
        self.broker.unlisten(&shop(), &named(rooms));
    }

    /// Publishes, and waits until that is done.
    pub(super) fn publish(&self, id: u64, rooms: &[&str]) -> Result<(), BrokerError> {
        wait(self.broker.publish(message(id, rooms)))
    }

    /// Waits for the message `last`; all that was heard until then, each time that it was.
    pub(super) fn heard_until(&self, last: u64) -> Vec<u64> {
        self.messages_until(last).iter().map(|message| message.id.0).collect()
    }

    /// Waits for all of these, in whatever order; all that was heard until then.
    pub(super) fn heard_until_all(&self, last: &[u64]) -> Vec<u64> {
        self.messages_until_all(last).iter().map(|message| message.id.0).collect()
    }

    pub(super) fn messages_until(&self, last: u64) -> Vec<Arc<Message>> {
        self.messages_until_all(&[last])
    }

    fn messages_until_all(&self, last: &[u64]) -> Vec<Arc<Message>> {
        let end = Instant::now() + PATIENCE;
        let mut log = self.heard.log.lock().unwrap();
        loop {
            let place = |id: &u64| log.iter().position(|message| message.id == MessageId(*id));
            let places: Option<Vec<usize>> = last.iter().map(place).collect();
            if let Some(at) = places.and_then(|places| places.into_iter().max()) {
                return log.drain(..=at).collect();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not all of {last:?} were heard");
            log = self.heard.changed.wait_timeout(log, left).unwrap().0;
        }
    }
}

/// What something comes to.
pub(super) fn wait(outcome: Outcome) -> Result<(), BrokerError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, outcome.known()).await.expect("no outcome") })
}

pub(super) fn shop() -> SiteName {
    SiteName::new("shop").unwrap()
}

pub(super) fn named(rooms: &[&str]) -> Vec<Room> {
    rooms.iter().map(|room| Room::stored(room)).collect()
}

pub(super) fn message(id: u64, rooms: &[&str]) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId(id),
        site: shop(),
        rooms: named(rooms).into(),
        event: Event::stored(Bytes::from(format!("[\"news\",{id}]"))),
        resync: false,
        bounds: QueueBounds::default(),
        except: None,
    })
}

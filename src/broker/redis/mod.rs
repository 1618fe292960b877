//! The broker of many nodes: Redis publishes, every node hears the rooms that its own sessions are in.
//!
//! A room has a channel, `<P>b:<site> NUL <room>` with P of the room's home shard, and a node subscribes to it
//! while it has sessions there. Also what a node publishes itself comes to its sessions on this way alone. A message
//! for several rooms is published to the channel of each, and a node that hears it more than once hands it on once.
//! A message for a great many rooms goes to one channel that every node hears, `<P>b:` with P of the first shard.
//! At most once: what is published while a node's subscription is broken does not reach its sessions.
//!
//! What must not live here: connections (`backplane`), inboxes.

mod channels;
mod ears;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hearing;
mod publishing;
mod recent;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::channels::Channels;
use self::ears::Ears;
use self::publishing::{Parcel, Underway};
use super::{Broker, BrokerError, Outcome, Reception};
use crate::backplane::Backplane;
use crate::domain::{Message, Room, SiteName};

/// How long publishing may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// More rooms than this: the message goes to the channel that every node hears.
const MANY_ROOMS: usize = 16;

/// How a [`RedisBroker`] names its channels. The same for all nodes.
#[derive(Debug, Clone)]
pub struct RedisBrokerOptions {
    /// What all names begin with.
    pub prefix: String,
    /// Over how many shards they are spread.
    pub shards: u16,
    /// Whether the servers are a Cluster, where a channel lives on the server of its slot alone.
    pub cluster: bool,
}

/// The broker of many nodes.
pub struct RedisBroker {
    channels: Arc<Channels>,
    ears: Arc<Ears>,
    parcels: mpsc::UnboundedSender<Parcel>,
    underway: Arc<Underway>,
    /// Tells this process apart from all others.
    origin: u64,
    published: AtomicU64,
}

impl RedisBroker {
    /// Works on the thread of `backplane`, as long as that lives. Hands what it hears to `reception`.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn start(
        backplane: &Backplane,
        options: &RedisBrokerOptions,
        reception: Arc<dyn Reception>,
    ) -> Result<Self, BrokerError> {
        let origin = getrandom::u64()
            .map_err(|error| BrokerError::Unavailable(format!("no random numbers: {error}")))?;
        let channels = Arc::new(Channels::new(options));
        let (ears, opened) = Ears::new();
        let (parcels, waiting) = mpsc::unbounded_channel();
        let (names, all_ears) = (Arc::clone(&channels), Arc::clone(&ears));
        backplane.spawn(move |lines| hearing::run(lines, names, all_ears, opened, reception));
        let cluster = options.cluster;
        backplane.spawn(move |lines| publishing::run(lines, waiting, cluster));
        let (underway, published) = (Arc::default(), AtomicU64::new(0));
        Ok(Self { channels, ears, parcels, underway, origin, published })
    }
}

impl Broker for RedisBroker {
    fn publish(&self, message: Arc<Message>) -> Outcome {
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        let envelope = wire::seal(self.origin, number, &message);
        let channels = if message.rooms.len() > MANY_ROOMS {
            vec![self.channels.everybody()]
        } else {
            message.rooms.iter().map(|room| self.channels.room(&message.site, room)).collect()
        };
        let Some(permit) = Underway::enter(&self.underway, envelope.len() * channels.len()) else {
            return Outcome::Later(Box::pin(std::future::ready(Err(BrokerError::Overloaded))));
        };
        let (reply, outcome) = oneshot::channel();
        let deadline = Instant::now() + PATIENCE;
        // Where the thread has ended, the answer comes from the reply that is dropped.
        let _ = self.parcels.send(Parcel { envelope, channels, deadline, reply, permit });
        Outcome::Later(Box::pin(async { outcome.await.unwrap_or(Err(BrokerError::Closed)) }))
    }

    fn listen(&self, site: &SiteName, rooms: &[Room]) {
        self.ears.open(rooms.iter().map(|room| channels::name(site, room)));
    }

    fn unlisten(&self, site: &SiteName, rooms: &[Room]) {
        self.ears.close(rooms.iter().map(|room| channels::name(site, room)));
    }

    fn in_force(&self, site: &SiteName, rooms: &[Room]) -> Outcome {
        let waits = self.ears.not_in_force(rooms.iter().map(|room| channels::name(site, room)));
        if waits.is_empty() {
            return Outcome::Done;
        }
        Outcome::Later(Box::pin(async {
            for mut ear in waits {
                ear.wait_for(|in_force| *in_force).await.map_err(|_| BrokerError::Closed)?;
            }
            Ok(())
        }))
    }
}

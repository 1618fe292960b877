//! The broker: brings messages that are not kept to every node, at most once. With the local one that is this process
//! alone.
//!
//! What must not live here: sessions, inboxes, who may hear what.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::{Message, Room, SiteName};

mod local;
pub mod redis;

pub use local::LocalBroker;

/// Brings plain broadcasts to the sessions of all nodes, at most once each. Nothing here blocks.
pub trait Broker: Send + Sync {
    /// Publishes a message to its rooms, whether the outcome is waited for or not. It comes within two seconds.
    fn publish(&self, message: Arc<Message>) -> Outcome;

    /// A worker has its first session in these rooms.
    fn listen(&self, site: &SiteName, rooms: &[Room]);

    /// A worker lost its last session in these rooms; once for each time that it listened.
    fn unlisten(&self, site: &SiteName, rooms: &[Room]);

    /// Comes when this node hears everything that is published to these rooms from now on. They must be listened to.
    fn in_force(&self, site: &SiteName, rooms: &[Room]) -> Outcome;
}

/// Where messages from any node arrive, this one included.
pub trait Reception: Send + Sync {
    /// Hands a message to the sessions of this node.
    fn broadcast(&self, message: Arc<Message>);
}

/// What something came to, now or later.
pub enum Outcome {
    /// Done.
    Done,
    /// Known later.
    Later(Pin<Box<dyn Future<Output = Result<(), BrokerError>> + Send>>),
}

impl Outcome {
    /// Waits until it is known.
    ///
    /// # Errors
    /// [`BrokerError`] where it was not done, or perhaps not.
    pub async fn known(self) -> Result<(), BrokerError> {
        match self {
            Self::Done => Ok(()),
            Self::Later(later) => later.await,
        }
    }
}

/// Why a broker did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// It is stopping or stopped.
    #[error("the broker is closed")]
    Closed,
    /// Too much is waiting to be published.
    #[error("too many messages are waiting to be published")]
    Overloaded,
    /// The way to the other nodes is cut at the moment; the text says why. Some nodes may have heard the message.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
}

//! The broker: brings messages that are not kept to every node. With one node that is this process alone.

use std::sync::Arc;

use crate::domain::Message;

mod local;

pub use local::LocalBroker;

/// Brings plain broadcasts to the sessions of all nodes, at most once each.
pub trait Broker: Send + Sync {
    /// Publishes a message to its rooms.
    fn publish(&self, message: Arc<Message>);
}

/// Where messages from any node arrive, this one included.
pub trait Reception: Send + Sync {
    /// Hands a message to the sessions of this node.
    fn broadcast(&self, message: Arc<Message>);
}

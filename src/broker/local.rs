//! One node: what is published is received here.

use std::sync::Arc;

use super::{Broker, Outcome, Reception};
use crate::domain::{Message, Room, SiteName};

/// The broker of a single node. It need not know who listens to what: the workers do.
pub struct LocalBroker {
    reception: Arc<dyn Reception>,
}

impl LocalBroker {
    /// Publishes to `reception`.
    #[must_use]
    pub fn new(reception: Arc<dyn Reception>) -> Self {
        Self { reception }
    }
}

impl Broker for LocalBroker {
    fn publish(&self, message: Arc<Message>) -> Outcome {
        self.reception.broadcast(message);
        Outcome::Done
    }

    fn listen(&self, _: &SiteName, _: &[Room]) {}

    fn unlisten(&self, _: &SiteName, _: &[Room]) {}

    fn in_force(&self, _: &SiteName, _: &[Room]) -> Outcome {
        Outcome::Done
    }
}

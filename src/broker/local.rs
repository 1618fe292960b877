//! One node: what is published is received here.

use std::sync::Arc;

use super::{Broker, Reception};
use crate::domain::Message;

/// The broker of a single node.
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
    fn publish(&self, message: Arc<Message>) {
        self.reception.broadcast(message);
    }
}

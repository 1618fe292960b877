//! Send: a message into rooms.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::worker::Gateway;
use crate::domain::{Event, Message, Receipt, ReplyTo, Room, Site};
use crate::store::{Append, StoreError};

/// What a backend wants sent.
#[derive(Debug)]
pub struct Order<'a> {
    /// The rooms, as the backend named them.
    pub rooms: Vec<std::borrow::Cow<'a, str>>,
    /// The event.
    pub event: Event,
    /// Acknowledged out of order it makes the device resync.
    pub resync: bool,
}

/// Why a message was not taken. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The workers or the store have too much to do.
    #[error("too many messages are waiting")]
    Congested,
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Sends a message. Where the site keeps messages the answer comes when it is durable.
    ///
    /// # Errors
    /// [`SendError`] when it was not taken; trying again later is right.
    pub async fn send(&self, site: &Arc<Site>, order: Order<'_>) -> Result<Receipt, SendError> {
        let parts = &self.shared.parts;
        if parts.switchboard.is_congested() {
            return Err(SendError::Congested);
        }
        let message = Arc::new(self.message(site, order));
        if !site.keeps_messages() {
            let receipt = Receipt { id: message.id, devices: 0, online: 0, queued: 0 };
            parts.broker.publish(message);
            return Ok(receipt);
        }
        let receipt = self.append(Arc::clone(&message)).await?;
        if site.public_channel.is_some() {
            // The anonymous without a device have no inbox; they hear it like a broadcast.
            parts.broker.publish(message);
        }
        Ok(receipt)
    }

    fn message(&self, site: &Arc<Site>, order: Order<'_>) -> Message {
        let mut rooms: Vec<Room> = order.rooms.iter().map(|room| Room::of(site, room)).collect();
        rooms.sort_unstable();
        rooms.dedup();
        Message {
            id: self.shared.parts.flake.next(),
            site: site.name.clone(),
            rooms: rooms.into(),
            event: order.event,
            resync: order.resync,
            bounds: site.queue,
        }
    }

    async fn append(&self, message: Arc<Message>) -> Result<Receipt, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let token = self.sends.borrow_mut().insert(sender) as u32;
        self.flush_acks();
        let reply = ReplyTo { worker: self.worker, token };
        self.shared.parts.store.append(Append { reply, message });
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }
}

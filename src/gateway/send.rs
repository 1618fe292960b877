//! Send: a message into rooms.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::worker::{Gateway, Sending};
use crate::broker::{BrokerError, Outcome};
use crate::domain::{Event, Message, Receipt, ReplyTo, Room, Site};
use crate::store::{Append, StoreError};
use crate::telemetry::Seldom;

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

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too much of the site waits for the workers.
    #[error("too many messages are waiting")]
    Congested,
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker could not publish it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Of messages that were sent together: one before it was not published.
    #[error("a message before it was not published")]
    Behind,
}

impl SendError {
    /// Whether some of its recipients may get the message all the same: it was under way when the trouble came.
    /// Otherwise nothing of it was kept.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_)) | Self::Broker(BrokerError::Unavailable(_)))
    }
}

/// The line about broadcasts beside kept messages that did not go out.
pub(super) static NOT_BROADCAST: Seldom = Seldom::new();

impl Gateway {
    /// Sends a message. The answer comes when it is durable; where the site keeps no messages, when it is published.
    ///
    /// # Errors
    /// [`SendError`] when it was not taken; trying again later is right.
    pub async fn send(&self, site: &Arc<Site>, order: Order<'_>) -> Result<Receipt, SendError> {
        let parts = &self.shared.parts;
        self.admits(site)?;
        let message = Arc::new(self.message(site, order));
        if !site.keeps_messages() {
            let receipt = Receipt { id: message.id, devices: 0, online: 0, queued: 0 };
            parts.broker.publish(message).known().await?;
            return Ok(receipt);
        }
        let receipt = self.append(Arc::clone(&message)).await?;
        if site.public_channel.is_some() {
            // The anonymous without a device have no inbox; they hear it like a broadcast. The message is kept for
            // all others, so that the backend must not be told to send it again.
            if let Outcome::Later(published) = parts.broker.publish(message) {
                tokio::task::spawn_local(async move {
                    if let Err(error) = published.await
                        && let Some(more) = NOT_BROADCAST.due()
                    {
                        tracing::warn!(%error, more, "a message did not reach visitors without a deviceId");
                    }
                });
            }
        }
        Ok(receipt)
    }

    /// Whether messages of this site are taken at the moment.
    ///
    /// # Errors
    /// [`SendError::Congested`] where too many of it wait already.
    pub fn admits(&self, site: &Site) -> Result<(), SendError> {
        let congested = self.shared.parts.switchboard.is_congested(&site.name);
        if congested { Err(SendError::Congested) } else { Ok(()) }
    }

    pub(super) fn message(&self, site: &Arc<Site>, order: Order<'_>) -> Message {
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
            except: None,
        }
    }

    async fn append(&self, message: Arc<Message>) -> Result<Receipt, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let sending = Sending { site: self.hub.site(&message.site), reply: sender };
        let token = self.sends.borrow_mut().insert(sending) as u32;
        self.flush_acks();
        let reply = ReplyTo { worker: self.worker, token };
        self.shared.parts.store.append(Append { reply, message });
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }
}

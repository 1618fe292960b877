//! Send of many messages at once: they go to the store together, and are answered together.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::send::{NOT_BROADCAST, Order, SendError};
use super::worker::{Gateway, Outcomes, SendingAll};
use crate::domain::{Message, Receipt, ReplyTo, Site};
use crate::hub::SiteNo;
use crate::store::{AppendAll, StoreError};

/// Messages that are prepared or published before other work of this thread gets its turn.
const SLICE: usize = 256;

impl Gateway {
    /// Sends messages, in this order. The answers, one for each, come when all of them are durable; where the site keeps
    /// no messages, when they are published. Where too much waits already, none is taken.
    pub async fn send_all(
        &self,
        site: &Arc<Site>,
        orders: Vec<Order<'_>>,
    ) -> Vec<Result<Receipt, SendError>> {
        if let Err(error) = self.admits(site) {
            return orders.iter().map(|_| Err(error.clone())).collect();
        }
        let mut messages = Vec::with_capacity(orders.len());
        for order in orders {
            messages.push(Arc::new(self.message(site, order)));
            if messages.len() % SLICE == 0 {
                yield_now().await;
            }
        }
        if messages.is_empty() {
            return Vec::new();
        }
        if !site.keeps_messages() {
            return self.publish_all(&messages).await;
        }
        let heard = site.public_channel.is_some().then(|| messages.clone());
        let outcomes: Vec<_> =
            self.append_all(messages).await.into_iter().map(|outcome| Ok(outcome?)).collect();
        if let Some(messages) = heard {
            self.broadcast_kept(messages, &outcomes).await;
        }
        outcomes
    }

    async fn append_all(&self, messages: Vec<Arc<Message>>) -> Outcomes {
        let count = messages.len();
        let (sender, receiver) = oneshot::channel();
        let site = messages.first().map_or(SiteNo::default(), |message| self.hub.site(&message.site));
        let token = self.batches.borrow_mut().insert(SendingAll { site, reply: sender }) as u32;
        self.flush_acks();
        let reply = ReplyTo { worker: self.worker, token };
        self.shared.parts.store.append_all(AppendAll { reply, messages });
        receiver.await.unwrap_or_else(|_| vec![Err(StoreError::Closed); count])
    }

    /// A slice at a time, so that no more is under way than a broker takes. Behind a slice with one that failed nothing is
    /// published: sent again it would come after those.
    async fn publish_all(&self, messages: &[Arc<Message>]) -> Vec<Result<Receipt, SendError>> {
        let mut outcomes = Vec::with_capacity(messages.len());
        for slice in messages.chunks(SLICE) {
            let publish = |message| self.shared.parts.broker.publish(Arc::clone(message));
            let under_way: Vec<_> = slice.iter().map(publish).collect();
            let mut failed = false;
            for (message, outcome) in slice.iter().zip(under_way) {
                let outcome = outcome.known().await;
                failed |= outcome.is_err();
                let receipt = Receipt { id: message.id, devices: 0, online: 0, queued: 0 };
                outcomes.push(outcome.map(|()| receipt).map_err(SendError::from));
            }
            if failed {
                break;
            }
            yield_now().await;
        }
        outcomes.resize(messages.len(), Err(SendError::Behind));
        outcomes
    }

    /// The anonymous without a device have no inbox; they hear what was kept like a broadcast. For the others it is
    /// kept, so that the backend must not be told to send it again.
    async fn broadcast_kept(&self, mut messages: Vec<Arc<Message>>, outcomes: &[Result<Receipt, SendError>]) {
        let mut kept = outcomes.iter().map(Result::is_ok);
        messages.retain(|_| kept.next().unwrap_or(false));
        let published = self.publish_all(&messages).await;
        if let Some(Err(error)) = published.into_iter().find(Result::is_err)
            && let Some(more) = NOT_BROADCAST.due()
        {
            tracing::warn!(%error, more, "messages did not reach visitors without a deviceId");
        }
    }
}

//! The places, each with its story: who comes, and what must be true whoever comes first.

pub use crate::store::{Ack, Append, AppendAll, Connect, Counters, Read, StoreError};

pub mod flake;
pub mod gateway;
pub mod redis;
pub mod sqlite;
pub mod telemetry;

use std::sync::Arc;

use crate::domain::{Event, Message, MessageId, QueueBounds, Room, SiteName};

/// A message whose event says this.
fn message(text: &'static str) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId(1),
        site: SiteName::new("demo").unwrap(),
        rooms: [Room::stored("all")].into(),
        event: Event::stored(text.into()),
        resync: false,
        bounds: QueueBounds::default(),
        except: None,
    })
}

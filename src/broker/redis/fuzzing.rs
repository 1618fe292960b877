//! What the fuzz targets may see of this room: the envelope.

use bytes::Bytes;

use super::wire::{self, Unreadable};
use crate::domain::Message;

/// Puts a message into an envelope.
pub fn seal(origin: u64, number: u64, message: &Message) -> Bytes {
    wire::seal(origin, number, message)
}

/// Takes a message out of one; the version where it is a later one.
pub fn open(envelope: &Bytes) -> Result<((u64, u64), Message), Option<u8>> {
    wire::open(envelope).map_err(|unreadable| match unreadable {
        Unreadable::Newer(version) => Some(version),
        Unreadable::Garbled => None,
    })
}

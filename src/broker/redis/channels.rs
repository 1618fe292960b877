//! Names of channels.

use super::RedisBrokerOptions;
use crate::backplane::{Shards, Slot};
use crate::domain::{Room, SiteName};

/// A room among those of all sites: `site NUL room`. A site's name has no NUL. Empty: every room there is.
pub(super) type Name = Box<[u8]>;

/// A channel, and the slot whose server has it.
pub(super) type Channel = (Slot, Vec<u8>);

/// The channels of all rooms.
pub(super) struct Channels(Shards);

impl Channels {
    pub(super) fn new(options: &RedisBrokerOptions) -> Self {
        Self(Shards::new(&options.prefix, options.shards))
    }

    /// The channel of a room.
    pub(super) fn room(&self, site: &SiteName, room: &Room) -> Channel {
        self.of(&name(site, room))
    }

    /// The channel that every node hears.
    pub(super) fn everybody(&self) -> Channel {
        self.of(&[])
    }

    /// The channel of a name.
    pub(super) fn of(&self, name: &[u8]) -> Channel {
        let shard = if name.is_empty() { 0 } else { self.0.home(name) };
        let channel = [self.0.prefix(shard), b"b:", name].concat();
        (Slot::of(&channel), channel)
    }
}

pub(super) fn name(site: &SiteName, room: &Room) -> Name {
    [site.as_str().as_bytes(), &[0], room.as_str().as_bytes()].concat().into()
}

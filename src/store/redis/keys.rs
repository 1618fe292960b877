//! Names of keys: which shard something belongs to, and how that shard's keys begin.

use super::words::{NodeId, RoomName, ShardNo};
use crate::backplane::Shards;

/// The version of what is stored.
pub(super) const VERSION: &str = "1";
/// Numbers of nodes follow the clock from here (2026), to be short.
pub(super) const NODE_EPOCH_MS: u64 = 1_767_225_600_000;
/// What the model of a shard begins with until everything has been moved there: no gateway knows such a model.
pub(super) const UNFINISHED: &str = "moving ";

/// The prefixes of all shards, computed once; see [`Shards`], which the broker has its names from, too.
#[derive(Debug, Clone)]
pub(super) struct Keys(Shards);

impl Keys {
    /// The keys of `shards` shards, at least one, at most one for each slot. `prefix` holds no braces.
    pub(super) fn new(prefix: &str, shards: u16) -> Self {
        Self(Shards::new(prefix, shards))
    }

    /// How many shards there are.
    pub(super) fn count(&self) -> u16 {
        self.0.count()
    }

    /// How all keys of a shard begin; `KEYS[1]` of every script. No such key exists. Empty for a shard that there is not.
    pub(super) fn prefix(&self, shard: ShardNo) -> &[u8] {
        self.0.prefix(shard.0)
    }

    /// What a shard is made as: the version of what is stored, the number of shards, its own number.
    pub(super) fn model(&self, shard: ShardNo) -> String {
        format!("{VERSION}/{}/{}", self.count(), shard.0)
    }

    /// Where a shard publishes what a node has to know.
    pub(super) fn channel(&self, shard: ShardNo, node: NodeId) -> Vec<u8> {
        [self.prefix(shard), b"n:", node.0.to_string().as_bytes()].concat()
    }

    /// The home of a room. A device is in the home of its primary room.
    pub(super) fn home(&self, room: &RoomName) -> ShardNo {
        ShardNo(self.0.home(&room.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_a_room_never_changes() {
        let keys = Keys::new("p", 16);
        let room = |name: &str| RoomName(name.as_bytes().into());
        let homes = ["s\0user_1", "s\0user_2", "s\0news"].map(|name| keys.home(&room(name)).0);
        assert_eq!((homes, keys.count()), ([9, 0, 9], 16));
    }

    #[test]
    fn a_channel_is_below_the_prefix() {
        let keys = Keys::new("p", 4);
        let channel = keys.channel(ShardNo(2), NodeId(17));
        assert_eq!(channel, [keys.prefix(ShardNo(2)), b"n:17"].concat());
    }
}

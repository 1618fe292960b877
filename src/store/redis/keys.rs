//! Names of keys: which shard something belongs to, and how that shard's keys begin.

use super::words::{NodeId, RoomName, ShardNo};

/// Slots of a Redis Cluster.
const SLOTS: u32 = 16_384;

/// The prefixes of all shards, computed once: `<prefix>{<tag>}:`.
///
/// The tag of a shard is the first string, shorter ones first, of `0-9a-z` whose slot falls into the shard's part
/// of all slots. So shards are spread evenly over the nodes of a Cluster, and a tag depends on nothing but the shard's
/// number and the number of shards. Part of the format of what is stored: it never changes.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefixes: Box<[Box<[u8]>]>,
}

impl Keys {
    /// The keys of `shards` shards, at least one, at most one for each slot. `prefix` holds no braces.
    pub(super) fn new(prefix: &str, shards: u16) -> Self {
        let shards = u32::from(shards).clamp(1, SLOTS);
        let mut tags: Vec<Option<String>> = vec![None; shards as usize];
        let mut missing = tags.len();
        let mut words = Words::default();
        while missing > 0 {
            let tag = words.next_word();
            let shard = u32::from(slot(tag.as_bytes())) * shards / SLOTS;
            if let Some(free) = tags.get_mut(shard as usize).filter(|known| known.is_none()) {
                *free = Some(tag);
                missing -= 1;
            }
        }
        let prefixes = tags.into_iter().flatten();
        Self { prefixes: prefixes.map(|tag| format!("{prefix}{{{tag}}}:").into_bytes().into()).collect() }
    }

    /// How many shards there are.
    pub(super) fn count(&self) -> u16 {
        self.prefixes.len() as u16
    }

    /// How all keys of a shard begin; `KEYS[1]` of every script. No such key exists. Empty for a shard that there is not.
    pub(super) fn prefix(&self, shard: ShardNo) -> &[u8] {
        self.prefixes.get(shard.index()).map_or(&[], |prefix| prefix)
    }

    /// Where a shard publishes what a node has to know.
    pub(super) fn channel(&self, shard: ShardNo, node: NodeId) -> Vec<u8> {
        [self.prefix(shard), b"n:", node.0.to_string().as_bytes()].concat()
    }

    /// The home of a room. A device is in the home of its primary room.
    pub(super) fn home(&self, room: &RoomName) -> ShardNo {
        ShardNo((fnv1a(&room.0) % u64::from(self.count())) as u16)
    }
}

/// FNV-1a with 64 bits. Part of the format of what is stored.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The slot of a hash tag: CRC-16/XMODEM.
fn slot(tag: &[u8]) -> u16 {
    let crc =
        tag.iter().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
    crc % SLOTS as u16
}

/// `0`, `1`, ... `z`, `00`, `01`, ...
#[derive(Default)]
struct Words {
    length: u32,
    number: u32,
}

impl Words {
    const DIGITS: u32 = 36;

    fn next_word(&mut self) -> String {
        if self.length == 0 || self.number == Self::DIGITS.pow(self.length) {
            (self.length, self.number) = (self.length + 1, 0);
        }
        let digit =
            |place| char::from_digit(self.number / Self::DIGITS.pow(place) % Self::DIGITS, Self::DIGITS);
        let word = (0..self.length).rev().filter_map(digit).collect();
        self.number += 1;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName(name.as_bytes().into())
    }

    #[test]
    fn a_tag_lies_in_its_part_of_the_slots_and_never_changes() {
        let known = |keys: &Keys| {
            (0..keys.count())
                .map(|shard| String::from_utf8(keys.prefix(ShardNo(shard)).to_vec()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(known(&Keys::new("p", 4)), KNOWN_4);
        assert_eq!(known(&Keys::new("postroom", 16)), TAGS_16.map(|tag| format!("postroom{{{tag}}}:")));
        for shards in [1, 3, 64, 1000] {
            let keys = Keys::new("p", shards);
            assert_eq!(keys.count(), shards);
            for shard in 0..shards {
                let prefix = keys.prefix(ShardNo(shard));
                let tag = &prefix[2..prefix.len() - 2];
                assert_eq!(u32::from(slot(tag)) * u32::from(shards) / SLOTS, u32::from(shard));
            }
        }
    }

    const KNOWN_4: [&str; 4] = ["p{3}:", "p{2}:", "p{1}:", "p{0}:"];
    const TAGS_16: [&str; 16] =
        ["03", "3", "0b", "b", "02", "2", "0c", "c", "01", "1", "0d", "d", "00", "0", "0a", "a"];

    #[test]
    fn slots_are_those_of_redis_cluster() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b""), 0);
    }

    #[test]
    fn every_slot_can_be_a_shard() {
        let keys = Keys::new("p", 16_384);
        assert_eq!(keys.count(), 16_384);
        assert_eq!(Keys::new("p", 0).count(), 1);
    }

    #[test]
    fn the_home_of_a_room_never_changes() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        let keys = Keys::new("p", 16);
        let homes = ["s\0user_1", "s\0user_2", "s\0news"].map(|name| keys.home(&room(name)).0);
        assert_eq!(homes, [9, 0, 9]);
    }

    #[test]
    fn a_channel_is_below_the_prefix() {
        let keys = Keys::new("p", 4);
        let channel = keys.channel(ShardNo(2), NodeId(17));
        assert_eq!(channel, [keys.prefix(ShardNo(2)), b"n:17"].concat());
    }
}

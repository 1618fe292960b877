//! Shards: over how many parts everything on Redis is spread, and how the names of each part begin.

use super::Slot;

/// The prefixes of all shards, computed once: `<prefix>{<tag>}:`.
///
/// The tag of a shard is the first string, shorter ones first, of `0-9a-z` whose slot falls into the shard's part
/// of all slots. So shards are spread evenly over the nodes of a Cluster, and a tag depends on nothing but the shard's
/// number and the number of shards. Part of the format of what is stored: it never changes.
#[derive(Debug, Clone)]
pub struct Shards {
    prefixes: Box<[Box<[u8]>]>,
}

impl Shards {
    /// `count` shards, at least one, at most one for each slot. `prefix` holds no braces.
    pub fn new(prefix: &str, count: u16) -> Self {
        let (count, slots) = (u32::from(count.clamp(1, Slot::COUNT)), u32::from(Slot::COUNT));
        let mut tags: Vec<Option<String>> = vec![None; count as usize];
        let mut missing = tags.len();
        let mut words = Words::default();
        while missing > 0 {
            let tag = words.next_word();
            let shard = u32::from(Slot::of(tag.as_bytes()).number()) * count / slots;
            if let Some(free) = tags.get_mut(shard as usize).filter(|known| known.is_none()) {
                *free = Some(tag);
                missing -= 1;
            }
        }
        let prefixes = tags.into_iter().flatten();
        Self { prefixes: prefixes.map(|tag| format!("{prefix}{{{tag}}}:").into_bytes().into()).collect() }
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        self.prefixes.len() as u16
    }

    /// How all names of a shard begin. Empty for a shard that there is not.
    pub fn prefix(&self, shard: u16) -> &[u8] {
        self.prefixes.get(usize::from(shard)).map_or(&[], |prefix| prefix)
    }

    /// The shard that is the home of a name: FNV-1a with 64 bits. Part of the format of what is stored.
    pub fn home(&self, name: &[u8]) -> u16 {
        (fnv1a(name) % u64::from(self.count())) as u16
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
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

    fn prefixes(shards: &Shards) -> Vec<String> {
        let prefix = |shard| String::from_utf8(shards.prefix(shard).to_vec()).unwrap();
        (0..shards.count()).map(prefix).collect()
    }

    #[test]
    fn a_tag_lies_in_its_part_of_the_slots_and_never_changes() {
        assert_eq!(prefixes(&Shards::new("p", 4)), KNOWN_4);
        assert_eq!(prefixes(&Shards::new("postroom", 16)), TAGS_16.map(|tag| format!("postroom{{{tag}}}:")));
        for count in [1, 3, 64, 1000, Slot::COUNT] {
            let shards = Shards::new("p", count);
            assert_eq!(shards.count(), count);
            for shard in 0..count {
                let slot = u32::from(Slot::of(shards.prefix(shard)).number());
                assert_eq!(slot * u32::from(count) / u32::from(Slot::COUNT), u32::from(shard));
            }
        }
        assert_eq!((Shards::new("p", 0).count(), Shards::new("p", 4).prefix(4)), (1, &[][..]));
    }

    const KNOWN_4: [&str; 4] = ["p{3}:", "p{2}:", "p{1}:", "p{0}:"];

    const TAGS_16: [&str; 16] =
        ["03", "3", "0b", "b", "02", "2", "0c", "c", "01", "1", "0d", "d", "00", "0", "0a", "a"];

    #[test]
    fn the_home_of_a_name_never_changes() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        let shards = Shards::new("p", 16);
        assert_eq!([&b"s\0user_1"[..], b"s\0user_2", b"s\0news"].map(|name| shards.home(name)), [9, 0, 9]);
    }
}

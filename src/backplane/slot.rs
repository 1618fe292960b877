//! Slots: which part of a Cluster a key belongs to.

/// One of the 16384 parts of a Cluster; of a single server all are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// How many there are.
    pub const COUNT: u16 = 16_384;

    /// The slot of a key: that of its `{tag}`, where it has one.
    pub fn of(key: &[u8]) -> Self {
        Self(crc16(tag(key)) % Self::COUNT)
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// What stands between the first `{` and the next `}`, else the whole key.
fn tag(key: &[u8]) -> &[u8] {
    let after = |byte| move |part: &[u8]| part.iter().position(|one| *one == byte);
    let inside = after(b'{')(key).and_then(|open| key.get(open + 1..));
    let tag = inside.and_then(|inside| after(b'}')(inside).and_then(|close| inside.get(..close)));
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(Slot::of(b"123456789").number(), 0x31C3);
        assert_eq!(Slot::of(b"{1}a").number(), 9842);
    }

    #[test]
    fn the_first_tag_decides() {
        assert_eq!(Slot::of(b"postroom{7}:s"), Slot::of(b"7"));
        assert_eq!(Slot::of(b"a{7}b{8}c"), Slot::of(b"7"));
        assert_eq!(tag(b"a{}b{8}"), b"a{}b{8}");
        assert_eq!(tag(b"a{b"), b"a{b");
        assert_eq!(tag(b"a{{b}}"), b"{b");
    }
}

//! The head of a client's frame, and its mask.

use super::Violation;
use super::encode::CONTROL_MAX;

/// The longest head: two bytes, a 64-bit length, the mask.
pub(super) const HEAD_MAX: usize = 14;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// What a head announces. `mask` stands at the first byte that has not come yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) fin: bool,
    pub(super) kind: Kind,
    pub(super) mask: [u8; 4],
    /// Bytes of payload still to come.
    pub(super) missing: usize,
}

/// The message that continuation frames would belong to, and what it may still grow by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// A fragmented message is open.
    pub(super) open: bool,
    /// Bytes that a data frame may bring.
    pub(super) room: usize,
}

impl Frame {
    /// Reads a head and its length in bytes; `None` when it is not complete. Whatever is there is checked at
    /// once and in the order of the bytes, so that a violation is the same however the stream is cut.
    pub(super) fn parse(bytes: &[u8], around: Surroundings) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let (fin, kind) = opening(first, around.open)?;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let short = usize::from(second & !MASKED);
        if second & MASKED == 0 {
            return Err(Violation::protocol("a frame from the client is not masked"));
        }
        if kind.is_control() && short > CONTROL_MAX {
            return Err(Violation::protocol("a control frame is longer than 125 bytes"));
        }
        let Some((length, rest)) = extended(short, rest) else { return Ok(None) };
        if length >> 63 != 0 {
            return Err(Violation::protocol("the highest bit of a 64-bit length is set"));
        }
        let missing = usize::try_from(length).unwrap_or(usize::MAX);
        if !kind.is_control() && missing > around.room {
            return Err(Violation::TOO_BIG);
        }
        let Some((&mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Self { fin, kind, mask, missing }, bytes.len() - rest.len())))
    }

    /// Unmasks the next bytes of this frame in place.
    pub(super) fn unmask(&mut self, bytes: &mut [u8]) {
        unmask(bytes, self.mask);
        self.mask.rotate_left(bytes.len() % 4);
        self.missing -= bytes.len();
    }
}

/// Checks what the first byte says alone.
fn opening(first: u8, open: bool) -> Result<(bool, Kind), Violation> {
    let fin = first & FIN != 0;
    if first & RESERVED != 0 {
        return Err(Violation::protocol("a reserved bit is set"));
    }
    let kind = match first & 0x0F {
        0x0 => Kind::Continuation,
        0x1 => Kind::Text,
        0x2 => Kind::Binary,
        0x8 => Kind::Close,
        0x9 => Kind::Ping,
        0xA => Kind::Pong,
        _ => return Err(Violation::protocol("a reserved opcode")),
    };
    match kind {
        Kind::Continuation if !open => Err(Violation::protocol("a continuation of nothing")),
        Kind::Text | Kind::Binary if open => {
            Err(Violation::protocol("a new message inside a fragmented message"))
        }
        Kind::Close | Kind::Ping | Kind::Pong if !fin => {
            Err(Violation::protocol("a control frame is fragmented"))
        }
        _ => Ok((fin, kind)),
    }
}

/// The length, in whichever of its three widths. A wider one than needed is taken, as other servers do.
fn extended(short: usize, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => {
            let (&wide, rest) = rest.split_first_chunk()?;
            Some((u64::from(u16::from_be_bytes(wide)), rest))
        }
        127 => {
            let (&wide, rest) = rest.split_first_chunk()?;
            Some((u64::from_be_bytes(wide), rest))
        }
        _ => Some((short as u64, rest)),
    }
}

/// Undoes the mask (RFC 6455 §5.3), eight bytes at a time; the compiler makes wider steps of it.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

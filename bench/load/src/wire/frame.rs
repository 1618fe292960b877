//! WebSocket frames (RFC 6455), as a client reads and writes them.

/// Opcodes.
pub const CONTINUATION: u8 = 0;
/// A text message, or the first part of one.
pub const TEXT: u8 = 1;
/// A binary message, or the first part of one.
pub const BINARY: u8 = 2;
/// The end of the conversation.
pub const CLOSE: u8 = 8;
/// Asks for a pong.
pub const PING: u8 = 9;
/// Answers a ping.
pub const PONG: u8 = 10;

/// A frame of the server, which has no mask.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The last one of its message.
    pub last: bool,
    /// What it is.
    pub opcode: u8,
    /// What it carries.
    pub payload: &'a [u8],
}

/// The first frame of `bytes` and what stands behind it; nothing when it is not whole yet.
pub fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (length, rest) = match second & 0x7f {
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*length), rest)
        }
        short => (u64::from(short), rest),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((Frame { last: first & 0x80 != 0, opcode: first & 0x0f, payload }, rest))
}

/// Appends a frame of a client. Its mask is zero: allowed by the format, and costs neither side anything to apply.
pub fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        length => {
            out.push(0xff);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::{Frame, PING, TEXT, split, write};

    #[test]
    fn reads_all_three_lengths() {
        for (head, length) in [
            (vec![0x81, 5], 5),
            (vec![0x81, 126, 1, 0], 256),
            (vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        ] {
            let mut bytes = head;
            bytes.extend(vec![b'x'; length]);
            assert_eq!(split(&bytes[..bytes.len() - 1]), None, "one byte is missing");
            bytes.push(7);
            let (frame, rest) = split(&bytes).unwrap();
            assert_eq!((frame.payload.len(), frame.last, frame.opcode, rest), (length, true, TEXT, &[7][..]));
        }
    }

    #[test]
    fn reads_a_part_and_an_empty_ping() {
        let (frame, rest) = split(&[0x01, 1, b'a', 0x89, 0]).unwrap();
        assert_eq!(frame, Frame { last: false, opcode: TEXT, payload: b"a" });
        assert_eq!(split(rest).unwrap().0, Frame { last: true, opcode: PING, payload: b"" });
        assert_eq!(split(&[0x81]), None);
    }

    #[test]
    fn writes_with_a_mask_of_zero() {
        let mut out = Vec::new();
        write(&mut out, TEXT, b"hi");
        assert_eq!(out, [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        out.clear();
        write(&mut out, TEXT, &[b'x'; 200]);
        assert_eq!((out[1], out.len()), (0xff, 2 + 8 + 4 + 200));
    }
}

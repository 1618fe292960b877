//! What a decoder must remember between two reads.

use super::Violation;
use super::frame::{Frame, HEAD_MAX};

/// The unfinished part of a stream: exists only while something is unfinished.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The beginning of a head.
    pub(super) head: [u8; HEAD_MAX],
    /// How much of it.
    pub(super) head_len: usize,
    /// A frame whose payload has not come whole.
    pub(super) frame: Option<Frame>,
    /// The data message that is being collected.
    pub(super) message: Option<Message>,
    /// The payload of a control frame that is being collected, at most 125 bytes.
    pub(super) control: Vec<u8>,
}

impl Partial {
    /// Nothing is unfinished.
    pub(super) fn is_done(&self) -> bool {
        self.head_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Moves bytes to the begun head until `parse` finds it complete. Says how many bytes were taken.
    pub(super) fn complete_head(
        &mut self,
        bytes: &[u8],
        parse: impl Fn(&[u8]) -> Result<Option<(Frame, usize)>, Violation>,
    ) -> Result<(Option<Frame>, usize), Violation> {
        let start = self.head_len;
        for (slot, &byte) in self.head.iter_mut().skip(start).zip(bytes) {
            *slot = byte;
            self.head_len += 1;
        }
        let filled = self.head.get(..self.head_len).unwrap_or_default();
        match parse(filled)? {
            Some((frame, used)) => {
                self.head_len = 0;
                Ok((Some(frame), used.saturating_sub(start)))
            }
            None => Ok((None, self.head_len - start)),
        }
    }
}

/// A data message in pieces.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) text: bool,
    pub(super) bytes: Vec<u8>,
    /// Up to here the bytes are known to be UTF-8.
    checked: usize,
}

impl Message {
    pub(super) fn new(text: bool) -> Self {
        Self { text, ..Self::default() }
    }

    /// Adds unmasked bytes; `announced` more will follow in the same frame. Memory follows what has arrived, at
    /// most doubling it, and never what was only announced.
    pub(super) fn push(&mut self, bytes: &[u8], announced: usize) -> Result<(), Violation> {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            let target = (2 * self.bytes.len()).min(needed + announced).max(needed);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        if self.text { self.check() } else { Ok(()) }
    }

    /// Fails as soon as no continuation could make the text UTF-8.
    fn check(&mut self) -> Result<(), Violation> {
        match std::str::from_utf8(self.bytes.get(self.checked..).unwrap_or_default()) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NOT_UTF8),
        }
        Ok(())
    }
}

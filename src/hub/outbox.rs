//! What waits to be sent on one link.

use std::collections::VecDeque;
use std::rc::Rc;

use super::frame::Frame;

/// A ring that grew beyond this is given back when the outbox is empty again.
const IDLE_CAPACITY: usize = 4;
/// What a frame takes in memory besides its bytes: without it, eight million bytes of the shortest answers would
/// be three hundred million bytes of memory.
const FRAME_COST: usize = 128;

/// Frames that wait to be sent on one link, bounded in weight by whoever pushes.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: VecDeque<Rc<Frame>>,
    /// Weight of all frames, less what is already sent of the first.
    weight: usize,
    /// Bytes of the first frame that are sent.
    sent: usize,
}

impl Outbox {
    /// Adds a frame at the end.
    pub fn push(&mut self, frame: Rc<Frame>) {
        self.weight += weight(&frame);
        self.frames.push_back(frame);
    }

    /// Adds a frame at the beginning. Nothing of the first frame may have been sent.
    pub fn push_first(&mut self, frame: Rc<Frame>) {
        debug_assert!(self.sent == 0);
        self.weight += weight(&frame);
        self.frames.push_front(frame);
    }

    /// What waits, in bytes of memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The next bytes: in place where one frame waits, else as many frames as fit into `scratch`, gathered there.
    #[must_use]
    pub fn next_bytes<'a>(&'a self, scratch: &'a mut Vec<u8>, limit: usize) -> &'a [u8] {
        let Some(first) = self.frames.front() else { return &[] };
        let head = first.bytes().get(self.sent..).unwrap_or_default();
        if self.frames.len() == 1 || head.len() >= limit {
            return head;
        }
        scratch.clear();
        scratch.extend_from_slice(head);
        for frame in self.frames.iter().skip(1) {
            if scratch.len() + frame.len() > limit {
                break;
            }
            scratch.extend_from_slice(frame.bytes());
        }
        scratch
    }

    /// Takes note that `count` bytes are sent.
    pub fn advance(&mut self, count: usize) {
        self.weight = self.weight.saturating_sub(count);
        self.sent += count;
        while let Some(first) = self.frames.front() {
            if self.sent < first.len() {
                return;
            }
            self.sent -= first.len();
            self.weight = self.weight.saturating_sub(FRAME_COST);
            self.frames.pop_front();
        }
        self.settle();
    }

    /// The frames that wait, for carriers that send whole packets.
    pub fn frames(&self) -> impl Iterator<Item = &Rc<Frame>> + Clone {
        self.frames.iter()
    }

    /// Removes the first `count` frames.
    pub fn remove(&mut self, count: usize) {
        for frame in self.frames.drain(..count.min(self.frames.len())) {
            self.weight = self.weight.saturating_sub(weight(&frame));
        }
        self.sent = 0;
        self.settle();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn settle(&mut self) {
        if self.frames.is_empty() {
            self.sent = 0;
            if self.frames.capacity() > IDLE_CAPACITY {
                self.frames = VecDeque::new();
            }
        }
    }
}

fn weight(frame: &Frame) -> usize {
    frame.len() + FRAME_COST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> Rc<Frame> {
        Rc::new(Frame::control(bytes.to_vec()))
    }

    #[test]
    fn what_is_sent_in_pieces_comes_whole_and_in_order() {
        let mut outbox = Outbox::default();
        for part in [&b"abc"[..], b"", b"defg", b"h"] {
            outbox.push(frame(part));
        }
        let (mut seen, mut scratch) = (Vec::new(), Vec::new());
        while !outbox.is_empty() {
            let next = outbox.next_bytes(&mut scratch, 6);
            let taken = next.len().min(2);
            seen.extend_from_slice(&next[..taken]);
            outbox.advance(taken.max(usize::from(next.is_empty())));
        }
        assert_eq!((seen.as_slice(), outbox.weight()), (&b"abcdefgh"[..], 0));
    }

    #[test]
    fn a_single_frame_is_not_copied() {
        let mut outbox = Outbox::default();
        let only = frame(b"xyz");
        outbox.push(Rc::clone(&only));
        let mut scratch = Vec::new();
        assert!(std::ptr::eq(outbox.next_bytes(&mut scratch, 1).as_ptr(), only.bytes().as_ptr()));
    }

    #[test]
    fn the_shortest_frames_have_weight() {
        let mut outbox = Outbox::default();
        (0..10).for_each(|_| outbox.push(frame(b"x")));
        assert_eq!(outbox.weight(), 10 * (1 + FRAME_COST));
        outbox.advance(3);
        outbox.remove(3);
        assert_eq!(outbox.weight(), 4 * (1 + FRAME_COST));
        outbox.advance(4);
        assert_eq!(outbox.weight(), 0);
    }

    #[test]
    fn a_ring_that_grew_is_given_back() {
        let mut outbox = Outbox::default();
        (0..100).for_each(|_| outbox.push(frame(b"x")));
        outbox.advance(100);
        assert!(outbox.is_empty() && outbox.frames.capacity() <= IDLE_CAPACITY);
    }
}

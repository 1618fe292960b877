//! Message ids: 42 bits of Unix milliseconds, 10 bits of node, 12 bits of sequence, printed as a decimal
//! string (the layout of flake-idgen, so that ids sort with those of the service this replaces).

use std::fmt;
#[cfg(not(shuttle))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(shuttle)]
use shuttle::sync::atomic::{AtomicU64, Ordering};

const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;

/// The id of one accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a generator could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlakeError {
    /// The node number does not fit into 10 bits.
    #[error("flake id {0} is out of range: it must be between 0 and 1023")]
    Node(u64),
}

/// Makes [`MessageId`]s that only grow, from any thread. When the clock steps back, or more than 4096 ids
/// fall into a millisecond, it runs ahead of the clock instead of failing or repeating.
#[derive(Debug)]
pub struct Flake {
    /// Milliseconds and sequence of the last id, in one word.
    last: AtomicU64,
    node: u64,
}

impl Flake {
    /// A generator for `node` (0 to 1023); two processes that share a store need two numbers.
    ///
    /// # Errors
    /// [`FlakeError::Node`] when the number does not fit.
    pub fn new(node: u64) -> Result<Self, FlakeError> {
        if node >> NODE_BITS != 0 {
            return Err(FlakeError::Node(node));
        }
        Ok(Self { last: AtomicU64::new(0), node })
    }

    /// The next id.
    pub fn next(&self) -> MessageId {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        self.next_at(now)
    }

    fn next_at(&self, unix_ms: u64) -> MessageId {
        let floor = unix_ms << SEQUENCE_BITS;
        let step = |last: u64| Some(floor.max(last + 1));
        let last = match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
            Ok(last) | Err(last) => last,
        };
        let word = floor.max(last + 1);
        let (ms, sequence) = (word >> SEQUENCE_BITS, word & ((1 << SEQUENCE_BITS) - 1));
        MessageId(ms << (NODE_BITS + SEQUENCE_BITS) | self.node << SEQUENCE_BITS | sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_original() {
        let flake = Flake::new(0).unwrap();
        assert_eq!(flake.next_at(1_795_155_561_264).to_string(), "7529428151231840256");
    }

    #[test]
    fn ids_only_grow_when_the_clock_steps_back_or_a_millisecond_is_full() {
        let flake = Flake::new(3).unwrap();
        let mut last = flake.next_at(1_000);
        for now in [1_000, 999, 5].into_iter().cycle().take(10_000) {
            let next = flake.next_at(now);
            assert!(next > last);
            last = next;
        }
        assert_eq!((last.0 >> SEQUENCE_BITS) & 1023, 3);
    }

    #[test]
    fn a_node_beyond_ten_bits_is_refused() {
        assert_eq!(Flake::new(1024).unwrap_err(), FlakeError::Node(1024));
    }
}

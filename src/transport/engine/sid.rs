//! Session ids: 20 characters that cannot be guessed; the first two say which worker carries the session.

use std::fmt;

use crate::domain::WorkerId;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LEN: usize = 20;

/// The id of a connection. Shown in full only to its own client.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid([u8; LEN]);

impl Sid {
    /// A new id for a session on this worker: 108 random bits behind the worker's number.
    #[must_use]
    pub fn random(worker: WorkerId) -> Self {
        let mut bytes = [0; LEN];
        // The system's generator does not fail on the platforms we run on.
        if let Err(error) = getrandom::fill(&mut bytes) {
            tracing::error!(%error, "no random numbers from the system");
        }
        let [high, low, ..] = &mut bytes;
        (*high, *low) = ((worker.0 >> 6) as u8, worker.0 as u8);
        Self(bytes.map(|byte| ALPHABET.get(usize::from(byte & 63)).copied().unwrap_or(b'A')))
    }

    /// Reads an id as a client sent it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LEN] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|byte| ALPHABET.contains(byte)).then_some(Self(bytes))
    }

    /// The worker that carries the session.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        let digit = |byte: &u8| ALPHABET.iter().position(|known| known == byte).unwrap_or(0) as u16;
        let [high, low, ..] = &self.0;
        WorkerId(digit(high) << 6 | digit(low))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Sid {
    /// Only the beginning: the whole id would let a reader of logs take the session over.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({}..)", self.as_str().get(..6).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_worker_carries_it() {
        for worker in [0, 1, 63, 64, 4095] {
            let sid = Sid::random(WorkerId(worker));
            assert_eq!(Sid::parse(sid.as_str()).unwrap().worker(), WorkerId(worker));
        }
        assert_ne!(Sid::random(WorkerId(0)), Sid::random(WorkerId(0)));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in ["", "abc", "AAAAAAAAAAAAAAAAAAA!", "ÄAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(Sid::parse(bad), None, "{bad}");
        }
    }
}

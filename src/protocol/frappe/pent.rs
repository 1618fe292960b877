//! What a bench has published and the workers do not take yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use redis::Msg;

/// How long the next event waits at most while workers have too much.
const RELIEF: Duration = Duration::from_secs(1);
/// Bytes that may wait. Redis gives a subscriber up at as much (`client-output-buffer-limit pubsub 32mb`); but it is read here as fast as
/// it writes, so that it never comes to that.
const MOST: usize = 32 << 20;

/// Events in the order in which they were published.
#[derive(Default)]
pub(super) struct Pent {
    waiting: VecDeque<Msg>,
    bytes: usize,
    /// Since when the workers have too much.
    paused: Option<Instant>,
}

impl Pent {
    /// One more. False where that is too much.
    #[must_use]
    pub(super) fn put(&mut self, message: Msg) -> bool {
        self.bytes += weight(&message);
        self.waiting.push_back(message);
        self.waiting.len() == 1 || self.bytes <= MOST
    }

    /// The next one, if it may be handed on now.
    pub(super) fn next(&mut self, now: Instant, is_pressed: impl FnOnce() -> bool) -> Option<Msg> {
        let pauses = |since| now.saturating_duration_since(since) < RELIEF && is_pressed();
        if self.waiting.is_empty() || self.paused.is_some_and(pauses) {
            return None;
        }
        self.paused = None;
        let message = self.waiting.pop_front()?;
        self.bytes -= weight(&message);
        Some(message)
    }

    /// After the last one the workers had too much, or not.
    pub(super) fn pause(&mut self, now: Instant, pressed: bool) {
        self.paused = pressed.then_some(now);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// With something for what keeps it, so that many small ones count too.
fn weight(message: &Msg) -> usize {
    message.get_payload_bytes().len() + 256
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn message(bytes: usize) -> Msg {
        let parts = [b"message".to_vec(), b"events".to_vec(), vec![b'x'; bytes]];
        Msg::from_owned_value(Value::Array(parts.map(Value::BulkString).into())).unwrap()
    }

    fn length(message: Option<Msg>) -> Option<usize> {
        message.map(|message| message.get_payload_bytes().len())
    }

    #[test]
    fn what_waits_comes_in_order_and_one_after_a_second_in_any_case() {
        let (mut pent, start) = (Pent::default(), Instant::now());
        assert!((1..4).all(|bytes| pent.put(message(bytes))));
        assert_eq!(length(pent.next(start, || true)), Some(1), "nothing was too much yet");
        pent.pause(start, true);
        assert_eq!(length(pent.next(start, || true)), None);
        assert_eq!(length(pent.next(start, || false)), Some(2), "there is room again");
        pent.pause(start, true);
        assert_eq!(length(pent.next(start + RELIEF, || true)), Some(3));
        assert!(pent.is_empty() && pent.bytes == 0 && pent.next(start, || false).is_none());
    }

    #[test]
    fn there_is_an_end_to_what_may_wait() {
        let mut pent = Pent::default();
        assert!(pent.put(message(MOST + 1)), "one of any length");
        assert!(pent.next(Instant::now(), || false).is_some());
        assert!(pent.put(message(MOST / 2)) && !pent.put(message(MOST / 2)));
        let mut small = Pent::default();
        assert!(!(0..=MOST / 256).all(|_| small.put(message(0))));
    }
}

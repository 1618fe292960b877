//! The messages of one site: counts what becomes of them.

use std::cell::{Cell, RefCell};

use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::form::{Form, Publish};
use super::http::Answer;
use super::lane::Lane;
use crate::clock::micros;
use crate::latency::Latency;
use crate::progress::say;

/// What became of POSTs, all of them or those between two moments.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Requests that were accepted.
    pub posts: u64,
    /// Messages that were accepted.
    pub messages: u64,
    /// Deliveries that these should cause.
    pub expected: u64,
    /// Requests that were answered by 503.
    pub busy: u64,
    /// Requests that failed otherwise, and messages that a batch did not take.
    pub failed: u64,
}

impl Posted {
    /// What came since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            posts: self.posts - before.posts,
            messages: self.messages - before.messages,
            expected: self.expected - before.expected,
            busy: self.busy - before.busy,
            failed: self.failed - before.failed,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            posts: self.posts + other.posts,
            messages: self.messages + other.messages,
            expected: self.expected + other.expected,
            busy: self.busy + other.busy,
            failed: self.failed + other.failed,
        }
    }
}

/// When a message should leave. What it waits for a free connection counts as latency.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    at: Instant,
    micros: u64,
}

impl Due {
    /// Now.
    pub fn now() -> Self {
        Self { at: Instant::now(), micros: micros() }
    }
}

/// What became of one POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    Busy,
    Failed,
}

/// The messages of one site.
pub struct Outgoing {
    port: u16,
    form: Form,
    posted: Cell<Posted>,
    times: RefCell<Latency>,
    turn: Cell<u64>,
}

impl Outgoing {
    /// Messages of that form, to a port of 127.0.0.1.
    pub fn new(port: u16, form: Form) -> Self {
        Self { port, form, posted: Cell::default(), times: RefCell::default(), turn: Cell::new(0) }
    }

    /// A connection for them.
    pub fn lane(&self) -> Lane {
        Lane::new(self.port)
    }

    /// How many messages are in one POST.
    pub fn messages(&self) -> u64 {
        self.form.messages()
    }

    /// What became of them so far.
    pub fn posted(&self) -> Posted {
        self.posted.get()
    }

    /// The times of answers since this was last called.
    pub fn take_times(&self) -> Latency {
        self.times.borrow_mut().take()
    }

    /// Counts requests that were due and never left.
    pub fn give_up(&self, requests: usize) {
        self.count(|posted| posted.failed += requests as u64);
    }

    /// Posts once.
    pub async fn post(&self, lane: &mut Lane, due: Due) -> Fate {
        let turn = self.turn.get();
        self.turn.set(turn + self.form.messages());
        match lane.post(&self.form.request(turn, due.micros)).await {
            Ok(answer) => self.answered(&answer, due),
            Err(error) => {
                if self.posted().failed == 0 {
                    say(&format!("a POST failed: {error:#}"));
                }
                self.count(|posted| posted.failed += 1);
                Fate::Failed
            }
        }
    }

    fn answered(&self, answer: &Answer, due: Due) -> Fate {
        match answer.status {
            200..=299 => {
                self.times.borrow_mut().add(due.at.elapsed().as_micros() as u64);
                self.accepted(answer);
                Fate::Accepted
            }
            503 => {
                self.count(|posted| posted.busy += 1);
                Fate::Busy
            }
            status => {
                if self.posted().failed == 0 {
                    say(&format!("a POST failed: {status} {}", String::from_utf8_lossy(&answer.body)));
                }
                self.count(|posted| posted.failed += 1);
                Fate::Failed
            }
        }
    }

    fn accepted(&self, answer: &Answer) {
        let all = self.form.messages();
        let taken = if self.form.publish == Publish::Batch { taken(&answer.body) } else { all };
        let recipients = self.form.recipients();
        self.count(|posted| {
            posted.posts += 1;
            posted.messages += taken;
            posted.expected += taken * recipients;
            posted.failed += all.saturating_sub(taken);
        });
    }

    fn count(&self, change: impl FnOnce(&mut Posted)) {
        let mut posted = self.posted.get();
        change(&mut posted);
        self.posted.set(posted);
    }
}

/// How many items a batch's answer says were taken.
fn taken(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Item {
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Results {
        results: Vec<Item>,
    }
    serde_json::from_slice::<Results>(body)
        .map_or(0, |answer| answer.results.iter().filter(|item| item.error.is_none()).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::taken;

    #[test]
    fn a_batch_is_counted_by_its_results() {
        let body = br#"{"results":[{"id":"1","devices":1},{"error":{"status":400}},{"id":"2"}]}"#;
        assert_eq!(taken(body), 2);
        assert_eq!(taken(b"OK"), 0, "what cannot be read has taken nothing");
    }
}

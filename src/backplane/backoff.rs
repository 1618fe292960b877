//! Attempts: how long after one comes the next, and who makes it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Trouble;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);

/// Grows with each failure from 50 to 500 ms, and is never the same for two.
#[derive(Default)]
pub(super) struct Backoff {
    pause: Cell<Duration>,
    next: Cell<Option<Instant>>,
}

impl Backoff {
    /// Until the next attempt may be made.
    pub(super) async fn wait(&self) {
        if let Some(next) = self.next.get() {
            tokio::time::sleep_until(next).await;
        }
    }

    pub(super) fn failed(&self) {
        let pause = (self.pause.get() * 2).clamp(FIRST, LONGEST);
        self.pause.set(pause);
        // Without chance nothing worse happens than that all come back at once.
        let chance = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        self.next.set(Some(Instant::now() + pause.mul_f64(0.5 + chance / 2.0)));
    }

    pub(super) fn succeeded(&self) {
        self.pause.set(Duration::ZERO);
        self.next.set(None);
    }

    /// At the earliest this much from now.
    pub(super) fn pause(&self, pause: Duration) {
        self.next.set(Some(Instant::now() + pause));
    }
}

/// One attempt at a time, for all who want its outcome.
#[derive(Default)]
pub(super) struct Attempts {
    turn: Mutex<()>,
    made: Cell<u64>,
    failure: RefCell<Option<Trouble>>,
    pub(super) backoff: Backoff,
}

impl Attempts {
    /// What `ready` has, else what the next attempt comes to, which begins when the backoff lets it. Those who come
    /// while it is awaited or made share its failure. Who made it may be dropped: the next in the line makes another.
    pub(super) async fn share<T>(
        &self,
        ready: impl Fn() -> Option<T>,
        attempt: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        if let Some(ready) = ready() {
            return Ok(ready);
        }
        let seen = self.made.get();
        let _turn = self.turn.lock().await;
        if let Some(ready) = ready() {
            return Ok(ready);
        }
        if self.made.get() != seen
            && let Some(failure) = self.failure.borrow().clone()
        {
            return Err(failure);
        }
        self.backoff.wait().await;
        let outcome = attempt.await;
        self.made.set(self.made.get() + 1);
        self.failure.replace(outcome.as_ref().err().cloned());
        outcome
    }
}

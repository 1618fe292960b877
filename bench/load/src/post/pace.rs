//! When messages leave.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::lane::Lane;
use super::outgoing::{Due, Fate, Outgoing};

/// How long a connection rests after a 503, and after a failure.
const REST_BUSY: Duration = Duration::from_millis(2);
const REST_FAILED: Duration = Duration::from_millis(50);

/// When messages leave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many POSTs under way at all times, each as soon as the one before was answered.
    Full {
        /// Connections.
        lanes: usize,
    },
    /// `size` POSTs at once, each time `every` has passed, whether or not those before were answered.
    Paced {
        /// POSTs at once.
        size: usize,
        /// From one time to the next.
        every: Duration,
        /// Connections.
        lanes: usize,
    },
}

impl Pace {
    /// So many POSTs per second.
    pub fn rate(per_second: f64, lanes: usize) -> Self {
        Self::Paced { size: 1, every: Duration::from_secs_f64(1.0 / per_second.max(0.001)), lanes }
    }

    /// Sends for `span`; what is still waiting for a connection `drain` after that is given up. Returns how many
    /// times `size` POSTs were let go.
    pub async fn drive(self, outgoing: &Rc<Outgoing>, span: Duration, drain: Duration) -> u64 {
        let end = Instant::now() + span;
        match self {
            Self::Full { lanes } => {
                full(outgoing, lanes, end).await;
                0
            }
            Self::Paced { size, every, lanes } => paced(outgoing, lanes, size, every, end, drain).await,
        }
    }
}

async fn full(outgoing: &Rc<Outgoing>, lanes: usize, end: Instant) {
    let mut all = JoinSet::new();
    for _ in 0..lanes.max(1) {
        let outgoing = Rc::clone(outgoing);
        all.spawn_local(async move {
            let mut lane = outgoing.lane();
            while Instant::now() < end {
                let fate = outgoing.post(&mut lane, Due::now()).await;
                rest(fate).await;
            }
        });
    }
    while all.join_next().await.is_some() {}
}

async fn rest(fate: Fate) {
    match fate {
        Fate::Accepted => {}
        Fate::Busy => sleep(REST_BUSY).await,
        Fate::Failed => sleep(REST_FAILED).await,
    }
}

/// What is due and waits for a connection.
#[derive(Default)]
struct Waiting {
    queue: RefCell<VecDeque<Due>>,
    more: Notify,
    over: Cell<bool>,
}

impl Waiting {
    fn release(&self, size: usize) {
        let due = Due::now();
        self.queue.borrow_mut().extend(std::iter::repeat_n(due, size));
        // Wakes so many of those that wait; all others look for themselves when they are free.
        (0..size).for_each(|_| self.more.notify_one());
    }

    /// The next one, as soon as there is one; nothing at the end.
    async fn next(&self) -> Option<Due> {
        loop {
            let due = self.queue.borrow_mut().pop_front();
            if due.is_some() || self.over.get() {
                return due;
            }
            self.more.notified().await;
        }
    }

    fn end(&self) {
        self.over.set(true);
        self.more.notify_waiters();
    }
}

async fn paced(
    outgoing: &Rc<Outgoing>,
    lanes: usize,
    size: usize,
    every: Duration,
    end: Instant,
    drain: Duration,
) -> u64 {
    let waiting = Rc::new(Waiting::default());
    let mut all = JoinSet::new();
    for _ in 0..lanes.max(1) {
        all.spawn_local(work(Rc::clone(outgoing), Rc::clone(&waiting), outgoing.lane()));
    }
    let mut times = 0;
    let mut next = Instant::now();
    while next < end {
        sleep_until(next).await;
        // A timer fires once a millisecond at most: all that have become due leave together.
        while next <= Instant::now() && next < end {
            waiting.release(size);
            times += 1;
            next += every;
        }
    }
    sleep_until(end).await;
    waiting.end();
    let done = async { while all.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(drain, done).await;
    outgoing.give_up(waiting.queue.borrow().len() + all.len());
    times
}

async fn work(outgoing: Rc<Outgoing>, waiting: Rc<Waiting>, mut lane: Lane) {
    // A lane that cannot connect now tries again with its first POST, which then fails and is counted.
    let _ = lane.warm().await;
    while let Some(due) = waiting.next().await {
        outgoing.post(&mut lane, due).await;
    }
}

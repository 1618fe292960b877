//! What the workers' threads may look at: how much is under way, health, counters.

use std::sync::PoisonError;
#[cfg(not(shuttle))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(not(shuttle))]
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

#[cfg(shuttle)]
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(shuttle)]
use shuttle::sync::{Condvar, Mutex, MutexGuard};

use super::MaxWaiting;
use super::words::{ShardNo, Tally};
use crate::store::{Counters, StoreError};

/// A shard that has been down for less is not worth a word: a connection was lost and found again.
const BLIP: Duration = Duration::from_secs(1);
/// Between two words about what is wrong.
const SELDOM: Duration = Duration::from_secs(10);
/// Messages for a shard that has been down for this long are refused at once.
const HOPELESS: Duration = Duration::from_secs(2);

/// Why a shard is down that nobody has tried yet.
const STARTING: &str = "starting";

/// What the workers' threads may look at.
pub(super) struct Shared {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    limits: MaxWaiting,
    closed: AtomicBool,
    state: Mutex<State>,
    /// Told when a shard's state has changed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    shards: Vec<ShardState>,
    acks_forgotten: u64,
    /// When the log was told last that something is wrong.
    told: Option<Instant>,
    /// Since when something is wrong that the log was told of.
    open: Option<Instant>,
}

#[derive(Debug, Clone, Default)]
struct ShardState {
    /// Since when it has been down, and why.
    down: Option<(Instant, String)>,
    /// Why waiting alone will not help, where that is so.
    fatal: Option<String>,
    /// At the first tick, to begin counting there.
    base: Option<Tally>,
    now: Tally,
}

impl Shared {
    pub(super) fn new(shards: u16, limits: MaxWaiting) -> Self {
        let starting = ShardState { down: Some((Instant::now(), STARTING.into())), ..ShardState::default() };
        let state = State { shards: vec![starting; usize::from(shards)], ..State::default() };
        Self {
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            limits,
            closed: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages want to be under way: all or none.
    ///
    /// # Errors
    /// When too much is under way already, or nothing is taken any more.
    pub(super) fn depart(&self, count: usize, weight: usize) -> Result<(), StoreError> {
        if self.is_closed() {
            return Err(StoreError::Closed);
        }
        let messages = self.messages.fetch_add(count, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(weight, Ordering::Relaxed);
        // What is too much by itself may still go alone.
        let full = messages > 0 && messages + count > self.limits.messages;
        if full || self.limits.messages == 0 || bytes >= self.limits.bytes {
            self.messages.fetch_sub(count, Ordering::Relaxed);
            self.bytes.fetch_sub(weight, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        Ok(())
    }

    /// A message is not under way any more.
    pub(super) fn landed(&self, weight: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Nothing is taken from now on. Whether it was open before.
    pub(super) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    /// A shard does not answer as it should. `fatal`: somebody has to mend it. Whether it is worth a word: each refused
    /// message may come here, and the log is for one about all of them.
    pub(super) fn down(&self, shard: ShardNo, reason: &str, fatal: bool) -> bool {
        let mut state = self.state();
        let state = &mut *state;
        let Some(shard) = state.shards.get_mut(shard.index()) else { return false };
        let since = shard.down.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        shard.fatal = fatal.then(|| reason.to_owned());
        shard.down = Some((since, reason.to_owned()));
        self.changed.notify_all();
        let due = state.open.is_none() && state.told.is_none_or(|told| told.elapsed() > SELDOM);
        if due {
            (state.told, state.open) = (Some(Instant::now()), Some(since));
        }
        due
    }

    /// A shard does what it should. For how long something had been wrong that was worth a word, when now nothing is.
    pub(super) fn up(&self, shard: ShardNo) -> Option<Duration> {
        let mut state = self.state();
        let shard = state.shards.get_mut(shard.index())?;
        shard.fatal = None;
        shard.down.take()?;
        self.changed.notify_all();
        if state.shards.iter().any(|shard| shard.down.is_some()) {
            return None;
        }
        // That everything went well at the start is no news.
        state.open.take().map(|since| since.elapsed())
    }

    /// Blocks until every shard is in force (true), or for this long.
    ///
    /// # Errors
    /// When waiting does not help, and why.
    pub(super) fn await_start(&self, patience: Duration) -> Result<bool, String> {
        let in_force = |shard: &ShardState| shard.base.is_some() && shard.down.is_none();
        let undecided = |state: &mut State| {
            !state.shards.iter().all(in_force) && state.shards.iter().all(|shard| shard.fatal.is_none())
        };
        let waited = self.changed.wait_timeout_while(self.state(), patience, undecided);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.shards.iter().find_map(|shard| shard.fatal.clone()) {
            Some(reason) => Err(reason),
            None => Ok(state.shards.iter().all(in_force)),
        }
    }

    /// Why messages for a shard are refused at once, if they are.
    pub(super) fn hopeless(&self, shard: ShardNo) -> Option<StoreError> {
        let state = self.state();
        let (since, reason) = state.shards.get(shard.index())?.down.as_ref()?;
        (since.elapsed() > HOPELESS).then(|| StoreError::Unavailable(reason.clone()))
    }

    /// Why a message that waited in vain did so.
    pub(super) fn trouble(&self) -> StoreError {
        let state = self.state();
        let reason = state.shards.iter().find_map(|shard| shard.down.as_ref());
        StoreError::Unavailable(
            reason.map_or_else(|| "no answer in time".into(), |(_, reason)| reason.clone()),
        )
    }

    /// As `Store::health`.
    pub(super) fn health(&self) -> Result<(), StoreError> {
        if self.is_closed() {
            return Err(StoreError::Closed);
        }
        let state = self.state();
        let down = |shard: &ShardState| {
            // One that has never been up counts at once.
            let (since, reason) = shard.down.as_ref()?;
            (shard.base.is_none() || since.elapsed() > BLIP).then(|| reason.clone())
        };
        let reasons: Vec<String> = state.shards.iter().filter_map(down).collect();
        match reasons.first() {
            None => Ok(()),
            Some(reason) if reasons.len() == state.shards.len() => {
                Err(StoreError::Unavailable(reason.clone()))
            }
            Some(reason) => {
                let (down, all) = (reasons.len(), state.shards.len());
                Err(StoreError::Unavailable(format!("{down} of {all} shards: {reason}")))
            }
        }
    }

    /// What a tick has counted, and how much of it has expired in that tick: that was there at the start.
    pub(super) fn count(&self, shard: ShardNo, tally: Tally, expired: u64) {
        if let Some(shard) = self.state().shards.get_mut(shard.index()) {
            let before = Tally { expired: tally.expired.saturating_sub(expired), ..tally };
            let first = shard.base.replace(shard.base.unwrap_or(before)).is_none();
            shard.now = tally;
            if first {
                self.changed.notify_all();
            }
        }
    }

    pub(super) fn forget_acks(&self, count: usize) {
        self.state().acks_forgotten += count as u64;
    }

    /// As `Store::counters`: since this node was started, over all nodes.
    pub(super) fn counters(&self) -> Counters {
        let state = self.state();
        let mut sum = Counters { acks_forgotten: state.acks_forgotten, ..Counters::default() };
        for shard in &state.shards {
            let (base, now) = (shard.base.unwrap_or_default(), shard.now);
            let ended = |t: Tally| t.acked + t.expired + t.resynced + t.dropped;
            // Data that a failover lost makes counters step back.
            let since = |now: u64, base: u64| now.saturating_sub(base);
            sum.acked += since(now.acked, base.acked);
            sum.expired += since(now.expired, base.expired);
            sum.resynced += since(now.resynced, base.resynced);
            sum.dropped += since(now.dropped, base.dropped);
            sum.queued += since(now.accepted, ended(now));
            sum.devices += now.devices;
            sum.online += now.online;
        }
        sum.accepted = sum.acked + sum.expired + sum.resynced + sum.dropped + sum.queued;
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_together_finds_room_together_or_alone() {
        let shared = Shared::new(1, MaxWaiting { messages: 3, bytes: 1000 });
        assert_eq!(shared.depart(2, 20), Ok(()));
        assert_eq!(shared.depart(2, 20), Err(StoreError::Overloaded));
        assert_eq!(shared.depart(1, 980), Ok(()), "what was refused takes no room");
        assert_eq!(shared.depart(1, 10), Err(StoreError::Overloaded));
        for weight in [10, 10, 980] {
            shared.landed(weight);
        }
        assert_eq!(shared.depart(10, 10), Ok(()), "nothing else waits");
        assert_eq!(shared.depart(1, 1), Err(StoreError::Overloaded));
    }
}

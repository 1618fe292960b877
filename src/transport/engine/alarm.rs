//! A clock with many cheap alarms: heartbeats and deadlines of all connections of a worker, on one timer.

use std::time::Duration;

/// Longest step of the clock.
const MAX_TICK: Duration = Duration::from_secs(1);
/// Shortest step.
const MIN_TICK: Duration = Duration::from_millis(1);
/// Slots of the ring; an alarm further away goes round again.
const SLOTS: usize = 512;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Ping the client (Engine.IO 4).
    Ping,
    /// The answer to the ping of this number should be here.
    Pong(u8),
    /// The client should have pinged (Engine.IO 3).
    Silence,
    /// The conversation should be settled.
    Settled,
}

/// An alarm of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alarm {
    pub(super) slot: u32,
    pub(super) serial: u32,
    pub(super) due: Due,
    at: u32,
}

/// The ring of alarms.
#[derive(Debug)]
pub(super) struct Alarms {
    ring: Vec<Vec<Alarm>>,
    now: u32,
    tick: Duration,
}

impl Alarms {
    /// Alarms exact enough for deadlines of `shortest`.
    pub(super) fn new(shortest: Duration) -> Self {
        let tick = (shortest / 200).clamp(MIN_TICK, MAX_TICK);
        Self { ring: vec![Vec::new(); SLOTS], now: 0, tick }
    }

    /// How often [`Alarms::advance`] is to be called.
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// Steps since the beginning.
    pub(super) fn now(&self) -> u32 {
        self.now
    }

    /// A duration in steps, rounded up.
    pub(super) fn steps(&self, duration: Duration) -> u32 {
        let steps = duration.as_millis().div_ceil(self.tick.as_millis().max(1));
        u32::try_from(steps).unwrap_or(u32::MAX).max(1)
    }

    /// Sets an alarm `steps` from now; it goes off at most one step early.
    pub(super) fn set(&mut self, slot: u32, serial: u32, due: Due, steps: u32) {
        let at = self.now.saturating_add(steps);
        self.put(Alarm { slot, serial, due, at });
    }

    fn put(&mut self, alarm: Alarm) {
        if let Some(slot) = self.ring.get_mut(alarm.at as usize % SLOTS) {
            slot.push(alarm);
        }
    }

    /// One step on: the alarms that go off.
    pub(super) fn advance(&mut self) -> Vec<Alarm> {
        self.now += 1;
        let Some(slot) = self.ring.get_mut(self.now as usize % SLOTS) else { return Vec::new() };
        let (due, later): (Vec<Alarm>, Vec<Alarm>) =
            std::mem::take(slot).into_iter().partition(|alarm| alarm.at <= self.now);
        *slot = later;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_go_off_in_time_also_beyond_one_round() {
        let mut alarms = Alarms::new(Duration::from_secs(20));
        assert_eq!(alarms.tick(), Duration::from_millis(100));
        for steps in [1, 5, 3_000] {
            alarms.set(steps, 0, Due::Ping, steps);
        }
        let mut seen = Vec::new();
        for now in 1..=4_000 {
            seen.extend(alarms.advance().iter().map(|alarm| (now, alarm.slot)));
        }
        assert_eq!(seen, [(1, 1), (5, 5), (3_000, 3_000)]);
    }

    #[test]
    fn short_heartbeats_get_a_fine_clock() {
        let alarms = Alarms::new(Duration::from_millis(200));
        assert_eq!((alarms.tick(), alarms.steps(Duration::from_millis(300))), (MIN_TICK, 300));
    }
}

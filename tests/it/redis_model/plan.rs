//! What a run is made of.

use std::time::Duration;

use crate::support::random::Random;

/// Devices of one user.
pub(super) const PER_USER: usize = 3;
pub(super) const USERS: usize = 10;
pub(super) const DEVICES: usize = USERS * PER_USER;
pub(super) const NODES: usize = 3;
pub(super) const SHARDS: u16 = 4;
pub(super) const LEASE: Duration = Duration::from_millis(600);

/// Messages for this user have a bound of six entries; beyond it the inbox is cleared.
pub(super) const BOUNDED: usize = 0;
/// Some messages for this user have the option resync.
pub(super) const RESYNCING: usize = 1;
/// Messages for this user have a bound of eight entries; beyond it the oldest go.
pub(super) const DROPPING: usize = 2;
/// The devices of this user listen to the user room of the next one, too.
pub(super) const GUEST: usize = 3;
/// Users from here on are away for longer than the ttl at times, where it is short.
pub(super) const ROVING: usize = 8;

/// Shared rooms.
pub(super) const SHARED: [&str; 4] = ["news", "sports", "wetter", "lobby"];
/// How long a passage is joined; then there is another one, which nobody has heard of yet. It is left with the next
/// connect.
pub(super) const PASSAGE: Duration = Duration::from_secs(2);

/// What a run is made of.
pub(super) struct Plan {
    /// For how long messages are sent and things break.
    pub(super) lasts: Duration,
    /// Messages sent at once, and the pause behind them.
    pub(super) burst: usize,
    pub(super) pause: Duration,
    /// How many of a hundred messages go to shared rooms.
    pub(super) shared: usize,
    /// How long devices are remembered; short or long.
    pub(super) ttl: Duration,
    /// Once in so many times a fault is the end of Redis.
    pub(super) redis_ends: usize,
    pub(super) random: Random,
}

impl Plan {
    /// About 250 messages a second, one by one.
    pub(super) fn steady() -> Self {
        Self {
            lasts: soak().unwrap_or(Duration::from_secs(8)),
            burst: 1,
            pause: Duration::from_millis(4),
            shared: 30,
            ttl: Duration::from_hours(1),
            redis_ends: 12,
            random: Random::seeded(),
        }
    }

    /// Bursts, so that many messages share a script, and devices that are forgotten.
    pub(super) fn bursts() -> Self {
        Self {
            lasts: soak().unwrap_or(Duration::from_secs(8)),
            burst: 200,
            pause: Duration::from_millis(800),
            shared: 50,
            ttl: Duration::from_secs(3),
            ..Self::steady()
        }
    }

    pub(super) fn has_short_ttl(&self) -> bool {
        self.ttl < Duration::from_mins(1)
    }
}

/// `POSTROOM_SOAK`: seconds.
fn soak() -> Option<Duration> {
    let seconds = std::env::var("POSTROOM_SOAK").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("POSTROOM_SOAK: seconds")))
}

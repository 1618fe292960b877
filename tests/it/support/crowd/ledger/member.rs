//! Who is in the ledger, and what became of a message at each of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::Name;

/// Where messages of one sender go.
#[derive(Debug, Clone)]
pub struct Route {
    pub site: String,
    pub rooms: Vec<String>,
}

impl Route {
    pub fn new(site: &str, rooms: &[&str]) -> Self {
        Self { site: site.to_owned(), rooms: rooms.iter().map(|room| (*room).to_owned()).collect() }
    }
}

/// A device.
#[derive(Debug, Clone)]
pub struct Member {
    pub site: String,
    /// Its rooms, with a plus between them.
    pub token: String,
    /// Its deviceId.
    pub id: String,
    /// Its site has a bound or sends with `resync`: what is not acked may be gone, and a counter says so.
    pub lossy: bool,
    /// It may stay away for ever: what waits for it then expires.
    pub fleeting: bool,
}

impl Member {
    pub fn new(site: &str, token: &str, id: &str) -> Self {
        let (site, token, id) = (site.to_owned(), token.to_owned(), id.to_owned());
        Self { site, token, id, lossy: false, fleeting: false }
    }

    pub fn lossy(self) -> Self {
        Self { lossy: true, ..self }
    }

    pub fn fleeting(self) -> Self {
        Self { fleeting: true, ..self }
    }

    /// Whether messages of this route are for it. User rooms are written in lower case here, so case means nothing.
    pub fn is_in(&self, route: &Route) -> bool {
        let is_mine = |room: &String| self.token.split('+').any(|own| own == room.to_lowercase());
        self.site == route.site && route.rooms.iter().any(is_mine)
    }
}

/// Why something may come again that was acked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It was not acked; told here, too, so that all that came again is told in one place.
    NotAcked,
    /// Its ack may have been on the line when that broke.
    LineBroke,
    /// Its ack may have been on its way through the gateway when the device was back already.
    JustLeft,
    /// Its ack was not durable yet when the node was killed.
    NodeDied,
    /// It came again before, so its ack is on its way a second time.
    CameAgain,
}

/// A message at one device.
#[derive(Debug, Default)]
pub(super) struct Copy {
    /// In how many sessions it came.
    pub(super) came: usize,
    pub(super) acked: Option<Instant>,
    /// The ack may have been lost: it may come again, but need not.
    pub(super) doubt: Option<Cause>,
}

/// A device, and all that concerns it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) member: Member,
    pub(super) joined: Option<Instant>,
    /// When its last session ended, as far as it knows itself.
    pub(super) away: Option<Instant>,
    /// It does not come back.
    pub(super) gone: bool,
    pub(super) copies: HashMap<Name, Copy>,
    /// Accepted, for it, and not acked.
    pub(super) due: BTreeSet<Name>,
    /// The same from before it was away for so long that its inbox may have expired.
    pub(super) forgiven: BTreeSet<Name>,
    /// It was away for so long.
    pub(super) was_away: bool,
}

impl Page {
    pub(super) fn new(member: Member) -> Self {
        let (copies, due) = (HashMap::new(), BTreeSet::new());
        Self {
            member,
            joined: None,
            away: None,
            gone: false,
            copies,
            due,
            forgiven: BTreeSet::new(),
            was_away: false,
        }
    }

    /// Whether it must be among the recipients of what was handed in at that moment, and answered now.
    pub(super) fn is_known(&self, began: Instant, ttl: Option<Duration>) -> bool {
        let stays = self.away.is_none_or(|away| ttl.is_none_or(|ttl| away.elapsed() < ttl));
        stays && self.joined.is_some_and(|joined| joined < began)
    }

    /// It is back, after having been away for so long that it may have been forgotten.
    pub(super) fn forgive(&mut self) {
        self.was_away = true;
        self.joined = None;
        self.forgiven.append(&mut self.due);
    }

    /// What is not acked may be accounted for by a counter.
    pub(super) fn may_lack(&self) -> bool {
        self.member.lossy || self.member.fleeting
    }

    /// How many of these messages it has acked.
    pub(super) fn acked(&self, counts: impl Fn(&Name) -> bool) -> usize {
        self.copies.iter().filter(|(name, copy)| copy.acked.is_some() && counts(name)).count()
    }

    /// How many of them it should have, and has never acked.
    pub(super) fn lacks(&self, counts: impl Fn(&Name) -> bool) -> usize {
        self.due.iter().chain(&self.forgiven).filter(|name| counts(name)).count()
    }
}

/// What a device got in one session.
#[derive(Debug, Default)]
pub struct Here {
    /// It was let in.
    pub joined: bool,
    pub(super) names: HashSet<Name>,
    /// The last number of each sender.
    pub(super) latest: HashMap<usize, u64>,
}

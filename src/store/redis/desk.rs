//! What the lanes of all shards share: messages under way, sessions, what the workers are to be told.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::AHashMap;

use super::RedisOptions;
use super::batches::Batches;
use super::flight::{Item, Landed, Listing};
use super::keys::Keys;
use super::lane::Lane;
use super::posts::{Answer, Posts, Waits};
use super::scripts::Scripts;
use super::shared::Shared;
use super::whereabouts::Whereabouts;
use super::words::{Dno, RoomName, ShardNo};
use crate::domain::{DeviceTtl, SessionRef, WorkerId};
use crate::store::{Outlet, StoreError, StoreEvent};

/// How long this node trusts that a room's home still lists a shard: shorter than the hour after which a home may forget.
const LISTED: Duration = Duration::from_mins(30);
/// Rooms that a home is told of at once, when it is told again.
const LISTED_AT_ONCE: usize = 256;
/// Listings remembered; beyond, all are forgotten and made anew.
const LISTINGS: usize = 100_000;

/// How long acks rest at most: nobody waits for them, and a script for each would cost more than what it does.
const ACKS_REST: Duration = Duration::from_millis(10);

/// A shard that is disowned sooner after another one is not worth a word of its own.
const DISOWNED_PAUSE: Duration = Duration::from_secs(5);

/// Where a session stands with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its connect is on its way.
    Connecting { ticket: u64 },
    /// It bears a device.
    Bears(ShardNo, Dno),
}

/// Nobody waits for it.
#[derive(Debug)]
struct Unwatched;

impl Landed for Unwatched {
    fn landed(&self) {}

    fn is_awaited(&self) -> bool {
        true
    }

    fn refused(&self, error: StoreError) {
        tracing::error!(%error, "a room could not be listed again: messages for it may not reach all its devices until \
            they connect anew");
    }
}

/// What the lanes of all shards share.
pub(super) struct Desk {
    pub(super) options: RedisOptions,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) shared: Arc<Shared>,
    pub(super) posts: RefCell<Posts>,
    pub(super) batches: RefCell<Batches>,
    pub(super) whereabouts: RefCell<Whereabouts>,
    pub(super) sessions: RefCell<AHashMap<SessionRef, Standing>>,
    /// When this node last had a home list a shard for a room; `None` where that is in doubt.
    listed: RefCell<AHashMap<(ShardNo, RoomName), Option<Instant>>>,
    /// Whether replicas had what was sent last in time.
    pub(super) is_replicated: Cell<bool>,
    /// Connects, in their order; those that are answered stay until they are at the front.
    arrivals: RefCell<VecDeque<(Instant, SessionRef, u64)>>,
    tickets: Cell<u64>,
    /// When acks leave that came since the last time.
    acks_leave: Cell<Instant>,
    lanes: RefCell<Vec<Rc<Lane>>>,
    /// When it was last said that a shard does not know this node any more.
    disowned: Cell<Option<Instant>>,
    outlet: Arc<dyn Outlet>,
    /// By worker number.
    outbox: RefCell<Vec<Vec<StoreEvent>>>,
}

impl Desk {
    pub(super) fn new(options: RedisOptions, shared: Arc<Shared>, outlet: Arc<dyn Outlet>) -> Self {
        Self {
            keys: Keys::new(&options.prefix, options.shards),
            scripts: Scripts::new(options.sharded_pubsub),
            options,
            shared,
            posts: RefCell::default(),
            batches: RefCell::default(),
            whereabouts: RefCell::default(),
            sessions: RefCell::default(),
            listed: RefCell::default(),
            is_replicated: Cell::new(true),
            arrivals: RefCell::default(),
            tickets: Cell::new(0),
            acks_leave: Cell::new(Instant::now()),
            lanes: RefCell::default(),
            disowned: Cell::new(None),
            outlet,
            outbox: RefCell::default(),
        }
    }

    /// A shard does not know this node any more. Mostly all of them at once: said of the first.
    pub(super) fn say_disowned(&self, shard: ShardNo) {
        let said = self.disowned.replace(Some(Instant::now()));
        if said.is_some_and(|said| said.elapsed() < DISOWNED_PAUSE) {
            tracing::debug!(shard = shard.0, "disowned here too");
        } else {
            tracing::warn!(
                shard = shard.0,
                "this node was taken for dead (silent for longer than `redis.lease`), or Redis has lost data: it \
                 registers anew and reads again what waits for its sessions, in other shards too if need be"
            );
        }
    }

    pub(super) fn set_lanes(&self, lanes: Vec<Rc<Lane>>) {
        self.lanes.replace(lanes);
    }

    pub(super) fn lanes(&self) -> Vec<Rc<Lane>> {
        self.lanes.borrow().clone()
    }

    pub(super) fn lane(&self, shard: ShardNo) -> Option<Rc<Lane>> {
        self.lanes.borrow().get(shard.index()).cloned()
    }

    /// The ttl of devices in milliseconds; 0 is for ever.
    pub(super) fn ttl_ms(&self) -> u64 {
        match self.options.ttl {
            DeviceTtl::After(ttl) => (ttl.as_millis() as u64).max(1),
            DeviceTtl::Never => 0,
        }
    }

    /// Tells a worker, with the next [`Desk::deliver`].
    pub(super) fn tell(&self, worker: WorkerId, event: StoreEvent) {
        let place = usize::from(worker.0);
        let mut outbox = self.outbox.borrow_mut();
        if outbox.len() <= place {
            outbox.resize_with(place + 1, Vec::new);
        }
        if let Some(events) = outbox.get_mut(place) {
            events.push(event);
        }
    }

    /// When acks that come now leave: those of all shards at the same moment, so that they travel together.
    pub(super) fn acks_leave(&self) -> Instant {
        let now = Instant::now();
        if self.acks_leave.get() <= now {
            self.acks_leave.set(now + ACKS_REST);
        }
        self.acks_leave.get()
    }

    /// Hands over what the workers are to be told, one call for each.
    pub(super) fn deliver(&self) {
        let mut outbox = self.outbox.borrow_mut();
        for (worker, events) in outbox.iter_mut().enumerate() {
            if !events.is_empty() {
                self.outlet.deliver(WorkerId(worker as u16), mem::take(events));
            }
        }
    }

    pub(super) fn answer(&self, answer: Answer) {
        self.shared.landed(answer.weight);
        match answer.waits {
            Waits::Alone(reply) => {
                let answer = StoreEvent::Appended { token: reply.token, outcome: answer.outcome };
                self.tell(reply.worker, answer);
            }
            Waits::Together(batch, place) => {
                let whole = self.batches.borrow_mut().answered(batch, place, answer.outcome);
                if let Some((reply, outcomes)) = whole {
                    self.tell(reply.worker, StoreEvent::AppendedAll { token: reply.token, outcomes });
                }
            }
        }
    }

    /// Whether a session still waits for the connect with this ticket.
    pub(super) fn awaits(&self, session: SessionRef, ticket: u64) -> bool {
        let standing = self.sessions.borrow().get(&session).copied();
        matches!(standing, Some(Standing::Connecting { ticket: own }) if own == ticket)
    }

    /// A session bears its device now, if it still waits for the connect with this ticket.
    pub(super) fn take_bearing(&self, session: SessionRef, ticket: u64, shard: ShardNo, dno: Dno) -> bool {
        let awaits = self.awaits(session, ticket);
        if awaits {
            self.sessions.borrow_mut().insert(session, Standing::Bears(shard, dno));
        }
        awaits
    }

    /// A session begins to connect; the ticket of its connect.
    pub(super) fn connecting(&self, session: SessionRef) -> u64 {
        self.tickets.set(self.tickets.get() + 1);
        let ticket = self.tickets.get();
        self.sessions.borrow_mut().insert(session, Standing::Connecting { ticket });
        self.arrivals.borrow_mut().push_back((Instant::now(), session, ticket));
        ticket
    }

    /// The next session whose connect has waited since before that moment, with its ticket.
    pub(super) fn connecting_since(&self, before: Instant) -> Option<(SessionRef, u64)> {
        let mut arrivals = self.arrivals.borrow_mut();
        while let Some((since, session, ticket)) = arrivals.front().copied() {
            let awaits = self.awaits(session, ticket);
            if awaits && since >= before {
                return None;
            }
            arrivals.pop_front();
            if awaits {
                return Some((session, ticket));
            }
        }
        None
    }

    pub(super) fn is_connecting(&self) -> bool {
        let mut arrivals = self.arrivals.borrow_mut();
        while arrivals.front().is_some_and(|(_, session, ticket)| !self.awaits(*session, *ticket)) {
            arrivals.pop_front();
        }
        !arrivals.is_empty()
    }

    /// Whether somebody waits for an answer.
    pub(super) fn is_awaited(&self) -> bool {
        !self.posts.borrow().is_empty() || self.is_connecting()
    }

    /// A connect has failed; told only where somebody still waits for it.
    pub(super) fn connect_failed(&self, session: SessionRef, ticket: u64, error: StoreError) {
        if self.awaits(session, ticket) {
            self.sessions.borrow_mut().remove(&session);
            self.tell(session.worker, StoreEvent::ConnectFailed { session, error });
        }
    }

    /// The shard does not know the session's device any more.
    pub(super) fn lost(&self, session: SessionRef) {
        self.sessions.borrow_mut().remove(&session);
        self.tell(session.worker, StoreEvent::Lost { session });
    }

    /// Of these rooms, those whose homes have to be told that `shard` has members of them.
    pub(super) fn unlisted(&self, shard: ShardNo, rooms: Vec<RoomName>) -> Vec<RoomName> {
        let listed = self.listed.borrow();
        let fresh = |room: &RoomName| {
            let since = listed.get(&(shard, room.clone())).copied().flatten();
            since.is_some_and(|since| since.elapsed() < LISTED)
        };
        rooms.into_iter().filter(|room| self.keys.home(room) != shard && !fresh(room)).collect()
    }

    /// A shard does not know this node any more. If that comes of a loss others may have lost something too, and not
    /// know it yet: they look at once, and who connects meanwhile has its rooms listed anew.
    pub(super) fn doubt(&self) {
        self.listed.borrow_mut().values_mut().for_each(|since| *since = None);
        self.lanes().iter().for_each(|lane| lane.tick_now());
    }

    /// This home may have forgotten what it listed: it is told again what this node had it list.
    pub(super) fn relist(&self, home: &Lane) {
        let mut shards: AHashMap<ShardNo, Vec<RoomName>> = AHashMap::new();
        for (shard, room) in self.listed.borrow().keys() {
            if self.keys.home(room) == home.shard {
                shards.entry(*shard).or_default().push(room.clone());
            }
        }
        for (shard, rooms) in shards {
            for rooms in rooms.chunks(LISTED_AT_ONCE) {
                home.push(Item::Enlist(Listing { shard, rooms: rooms.to_vec() }, Rc::new(Unwatched)));
            }
        }
    }

    /// The home of these rooms lists `shard`, as of `since`.
    pub(super) fn note_listed(&self, shard: ShardNo, rooms: &[RoomName], since: Instant) {
        let mut listed = self.listed.borrow_mut();
        if listed.len() > LISTINGS {
            listed.clear();
        }
        listed.extend(rooms.iter().map(|room| ((shard, room.clone()), Some(since))));
    }
}

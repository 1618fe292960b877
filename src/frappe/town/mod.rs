//! A bench as this process sees it: its sites that somebody has come to, who looks at what, and the other Postrooms of the
//! bench.
//!
//! Whatever is changed here is said while the lock is held: what clients and neighbours hear comes in the order in which it
//! happened.

mod duties;
mod ear;
pub(super) mod letter;
mod notice;
mod presence;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use serde_json::value::RawValue;

pub(super) use self::notice::Notice;
pub(super) use self::presence::{Place, Viewer};

use self::duties::Duties;
use self::letter::{Letter, Say, Stay};
use self::presence::{Change, Presence};
use crate::broker::Reception;
use crate::domain::{Event, Message, Room, SessionRef, Site, SiteName};
use crate::gateway::Shared;
use crate::protocol::frappe::Bench;

/// The room in which every session of a Frappe site is; a bench cannot name it.
const EVERYBODY: &str = "";

/// All benches of this process.
pub struct Towns {
    shared: Arc<Shared>,
    /// Tells this process apart from its neighbours.
    node: u64,
    /// By the address of its Redis.
    all: RwLock<HashMap<Box<str>, Arc<Town>>>,
}

/// One bench.
pub(super) struct Town {
    shared: Arc<Shared>,
    node: u64,
    /// Sites that somebody has come to since the start.
    sites: RwLock<HashMap<Box<str>, Arc<Site>>>,
    presence: Mutex<Presence>,
    duties: Duties,
}

impl Towns {
    /// Sends to the workers behind `shared`. `node` tells this process apart from others.
    #[must_use]
    pub fn new(shared: Arc<Shared>, node: u64) -> Arc<Self> {
        Arc::new(Self { shared, node, all: RwLock::default() })
    }

    /// The town of a bench.
    pub(super) fn of(&self, bench: &Bench) -> Arc<Town> {
        let name = bench.name().expose();
        if let Some(town) = self.all.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(town);
        }
        let mut towns = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let town = towns.entry(name.into()).or_insert_with(|| {
            let (shared, node) = (Arc::clone(&self.shared), self.node);
            let (sites, presence) = (RwLock::default(), Mutex::default());
            Arc::new(Town { shared, node, sites, presence, duties: Duties::default() })
        });
        Arc::clone(town)
    }
}

impl Town {
    /// Somebody comes to a site: what is published for it finds it from now on.
    pub(super) fn settle(&self, site: &Arc<Site>) {
        let known = self.site(site.name.as_str());
        if !known.is_some_and(|known| Arc::ptr_eq(&known, site)) {
            let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
            sites.insert(site.name.as_str().into(), Arc::clone(site));
        }
    }

    /// A viewer comes to a place, or says again that it is there. Everybody there is told.
    pub(super) fn enter(&self, bench: &Bench, place: Place, notices: Vec<Notice>, viewer: Viewer) {
        let mut presence = self.presence();
        let by = Arc::clone(&viewer.user);
        let change = presence.enter(place, notices, viewer);
        self.announce(bench, &presence, change, Some(&by));
    }

    /// A viewer leaves a place, or says that it has left.
    pub(super) fn leave(&self, bench: &Bench, place: &Place, session: SessionRef, by: &Arc<str>) {
        let mut presence = self.presence();
        let change = presence.leave(place, session);
        self.announce(bench, &presence, change, Some(by));
    }

    /// Somebody says that it has left a place where it has not been: those who are there hear who is. Whether
    /// they did.
    pub(super) fn recall(&self, place: &Place, notice: &Notice, by: &Arc<str>) -> bool {
        let mut presence = self.presence();
        let may = presence.may_recall(place, Instant::now());
        if may {
            self.tell_clients(place, std::slice::from_ref(notice), &presence.viewers(place), Some(by));
        }
        may
    }

    /// Emits an event in a room of a site, on all Postrooms of the bench; not on the session `except`, and not at all while
    /// the site has too much waiting.
    pub(super) fn relay(&self, bench: &Bench, place: &Place, event: Event, except: Option<SessionRef>) {
        if self.shared.switchboard().is_congested(&place.site) {
            return;
        }
        let json = std::str::from_utf8(event.json()).ok().map(str::to_owned);
        let json = json.and_then(|json| RawValue::from_string(json).ok());
        self.emit(&place.site, place.room.as_str(), event, except);
        if let Some(event) = json {
            let (site, room) = (place.site.as_str().to_owned(), place.room.as_str().to_owned());
            self.tell(bench, Say::Relay { site, room, event });
        }
    }

    /// The users at a place, each once, in the order in which they connected.
    pub(super) fn users(&self, place: &Place) -> Vec<Arc<str>> {
        let viewers = self.presence().viewers(place);
        self::notice::unique(&viewers).into_iter().map(Into::into).collect()
    }

    fn announce(&self, bench: &Bench, presence: &Presence, change: Change, by: Option<&Arc<str>>) {
        let Change { place, notices } = change;
        self.tell_clients(&place, &notices, &presence.viewers(&place), by);
        self.tell_viewers(bench, presence, &place, &notices, by);
    }

    fn tell_clients(&self, place: &Place, notices: &[Notice], viewers: &[Arc<str>], by: Option<&Arc<str>>) {
        let alone = matches!(viewers, [only] if Some(only) == by);
        for notice in notices.iter().filter(|notice| !alone || notice.is_for_one()) {
            if let Some(event) = notice.event(viewers) {
                self.emit(&place.site, notice.room(place), event, None);
            }
        }
    }

    fn tell_viewers(
        &self,
        bench: &Bench,
        presence: &Presence,
        place: &Place,
        notices: &[Notice],
        by: Option<&Arc<str>>,
    ) {
        self.tell(bench, Say::Viewers { stay: stay(presence, place, notices), by: by.cloned() });
    }

    fn tell(&self, bench: &Bench, say: Say) {
        if let Some(payload) = (Letter { node: self.node, say }).to_json() {
            bench.tell(payload);
        }
    }

    fn emit(&self, site: &SiteName, room: &str, event: Event, except: Option<SessionRef>) {
        let message = Message {
            id: self.shared.next_id(),
            site: site.clone(),
            rooms: Arc::from([Room::stored(room)]),
            event,
            resync: false,
            bounds: crate::domain::QueueBounds::default(),
            except,
        };
        self.shared.switchboard().broadcast(Arc::new(message));
    }

    fn site(&self, name: &str) -> Option<Arc<Site>> {
        self.sites.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn all_sites(&self) -> Vec<Arc<Site>> {
        self.sites.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The viewers of this process at a place.
fn stay(presence: &Presence, place: &Place, notices: &[Notice]) -> Stay {
    let (site, room) = (place.site.as_str().to_owned(), place.room.as_str().to_owned());
    Stay { site, room, viewers: presence.own(place), notices: notices.to_vec() }
}

/// The rooms of a client from the start.
pub(super) fn first_rooms(sid: &str, user: &str, is_system: bool) -> Vec<Room> {
    let user = format!("user:{user}");
    let mut rooms = vec![EVERYBODY, sid, user.as_str(), "website"];
    if is_system {
        rooms.push("all");
    }
    rooms.into_iter().map(Room::stored).collect()
}

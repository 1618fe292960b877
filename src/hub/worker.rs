//! The hub of one worker: opening and closing of links and sessions.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use slab::Slab;
use tokio::sync::Notify;

use super::frame::Frame;
use super::index::Index;
use super::link::{CloseReason, Link, LinkId, Wire};
use super::outbox::Outbox;
use super::session::{Kept, Session, SessionId, SessionSeed};
use super::turns::{SiteNo, Turns};
use crate::domain::{DeviceNo, Room, Site, SiteName};

/// What may wait for a link of which no session was let in: answers to pings, and refusals.
const STRANGER_LIMIT: usize = 256 * 1024;

/// Limits of a hub.
#[derive(Debug, Clone, Copy)]
pub struct HubOptions {
    /// Bytes that may wait for one link; beyond, it is closed as too slow.
    pub outbox_limit: usize,
}

/// The hub of one worker thread. Everything runs on that thread; nothing here waits.
pub struct Hub {
    pub(super) inner: RefCell<Inner>,
    pub(super) options: HubOptions,
    /// Rung when a link has something to send.
    bell: Notify,
}

pub(super) struct Inner {
    pub(super) links: Slab<Link>,
    pub(super) sessions: Slab<Session>,
    pub(super) index: Index,
    /// Links with something to send.
    pub(super) turns: Turns,
    /// Gathers the frames of one link; shared, so that a link needs no buffer of its own.
    pub(super) scratch: Vec<u8>,
    /// Bytes sent so far.
    pub(super) written: u64,
    /// Numbers broadcasts, see [`Session::mark`].
    pub(super) mark: u32,
    serial: u32,
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new(options: HubOptions) -> Rc<Self> {
        let inner = Inner {
            links: Slab::new(),
            sessions: Slab::new(),
            index: Index::default(),
            turns: Turns::default(),
            scratch: Vec::new(),
            written: 0,
            mark: 0,
            serial: 0,
        };
        Rc::new(Self { inner: RefCell::new(inner), options, bell: Notify::new() })
    }

    /// Waits until a link has something to send.
    pub async fn wait(&self) {
        self.bell.notified().await;
    }

    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Opens a link. `make` gets the link's name and makes what carries it.
    pub fn open_link<W: Wire + 'static>(&self, make: impl FnOnce(LinkId) -> Rc<W>) -> Rc<W> {
        let mut inner = self.inner.borrow_mut();
        let serial = inner.next_serial();
        let entry = inner.links.vacant_entry();
        let wire = make(LinkId { slot: entry.key() as u32, serial });
        entry.insert(Link {
            serial,
            wire: Rc::clone(&wire) as Rc<dyn Wire>,
            outbox: Outbox::default(),
            dirty: false,
            site: SiteNo::default(),
            blocked: false,
            known: false,
            closing: None,
        });
        wire
    }

    /// Forgets a link and what waits on it. Its sessions must have been closed before.
    pub fn close_link(&self, id: LinkId) {
        let mut inner = self.inner.borrow_mut();
        if inner.link(id).is_some() {
            inner.links.remove(id.slot as usize);
        }
    }

    /// Queues a frame on a link. A link that is being closed takes no more.
    pub fn push(&self, id: LinkId, frame: Rc<Frame>) {
        let mut inner = self.inner.borrow_mut();
        let Some(link) = inner.link(id) else { return };
        let (known, site) = (link.known, link.site);
        let limit =
            if known { self.options.outbox_limit } else { self.options.outbox_limit.min(STRANGER_LIMIT) };
        inner.queue(id, site, frame, limit);
        self.ring();
    }

    /// Queues a frame before everything that waits on a link of which nothing was sent yet.
    pub fn push_first(&self, id: LinkId, frame: Rc<Frame>) {
        let mut inner = self.inner.borrow_mut();
        if let Some(link) = inner.link(id) {
            link.outbox.push_first(frame);
            inner.mark_dirty(id.slot);
            self.ring();
        }
    }

    /// Closes a link once what waits for it is sent.
    pub fn finish(&self, id: LinkId, reason: CloseReason) {
        let mut inner = self.inner.borrow_mut();
        if let Some(link) = inner.link(id) {
            link.closing.get_or_insert(reason);
            inner.mark_dirty(id.slot);
            self.ring();
        }
    }

    /// The carrier of a link takes more.
    pub fn unblock(&self, id: LinkId) {
        let mut inner = self.inner.borrow_mut();
        if let Some(link) = inner.link(id) {
            link.blocked = false;
            inner.mark_dirty(id.slot);
            self.ring();
        }
    }

    /// How many sessions there are, let in or not.
    pub fn session_count(&self) -> usize {
        self.inner.borrow().sessions.len()
    }

    /// Makes a session that is not let in yet: it gets nothing until [`Hub::admit`] or [`Hub::join`].
    pub fn attach(&self, seed: SessionSeed) -> SessionId {
        let mut inner = self.inner.borrow_mut();
        let serial = inner.next_serial();
        let site = inner.turns.number(&seed.site.name);
        let session =
            Session { serial, seed, site, kept: None, rooms: Box::default(), joined: false, mark: 0 };
        SessionId { slot: inner.sessions.insert(session) as u32, serial }
    }

    /// Says which rooms a session is going to listen to by itself; it hears nothing before [`Hub::join`]. Once for each
    /// session. The rooms to which nobody listened yet on this worker.
    pub fn listen(&self, id: SessionId, rooms: Vec<Room>) -> Vec<Room> {
        let mut inner = self.inner.borrow_mut();
        let Inner { sessions, index, .. } = &mut *inner;
        let Some(session) = session(sessions, id) else { return Vec::new() };
        session.rooms = rooms.into();
        index.join(&session.seed.site.name, &session.rooms, id.slot)
    }

    /// One more room that a session listens to by itself. Whether it is the first one in it on this worker; `None` where the
    /// session has gone, is in that room, or is in `most` rooms already.
    pub fn enter_room(&self, id: SessionId, room: Room, most: usize) -> Option<bool> {
        let mut inner = self.inner.borrow_mut();
        let Inner { sessions, index, .. } = &mut *inner;
        let session = session(sessions, id)?;
        if session.rooms.len() >= most || session.rooms.contains(&room) {
            return None;
        }
        let first = index.join(&session.seed.site.name, std::slice::from_ref(&room), id.slot);
        let mut rooms = std::mem::take(&mut session.rooms).into_vec();
        rooms.push(room);
        session.rooms = rooms.into();
        Some(!first.is_empty())
    }

    /// A room that a session does not listen to any more. Whether it was the last one in it on this worker; `None` where it
    /// was not in it.
    pub fn leave_room(&self, id: SessionId, room: &Room) -> Option<bool> {
        let mut inner = self.inner.borrow_mut();
        let Inner { sessions, index, .. } = &mut *inner;
        let session = session(sessions, id)?;
        let mut rooms = std::mem::take(&mut session.rooms).into_vec();
        let at = rooms.iter().position(|own| own == room);
        at.map(|at| rooms.swap_remove(at));
        session.rooms = rooms.into();
        at?;
        let last = index.leave(&session.seed.site.name, std::slice::from_ref(room), id.slot);
        Some(!last.is_empty())
    }

    /// Whether a session listens to a room by itself.
    pub fn is_in(&self, id: SessionId, room: &Room) -> bool {
        session(&mut self.inner.borrow_mut().sessions, id).is_some_and(|session| session.rooms.contains(room))
    }

    /// Lets a session in that listens to rooms by itself and has no inbox. Whether it is still there.
    pub fn join(&self, id: SessionId) -> bool {
        let mut inner = self.inner.borrow_mut();
        let Some(session) = session(&mut inner.sessions, id) else { return false };
        session.joined = true;
        let (link, site, welcome) = (session.seed.link, session.site, session.seed.welcome.take());
        inner.know(link);
        if let Some(welcome) = welcome {
            inner.queue(link, site, welcome, self.options.outbox_limit);
        }
        self.ring();
        true
    }

    /// Closes the link of a session once what waits for it is sent, or cannot be.
    pub fn finish_session(&self, id: SessionId, reason: CloseReason) {
        let link = session(&mut self.inner.borrow_mut().sessions, id).map(|session| session.seed.link);
        if let Some(link) = link {
            self.finish(link, reason);
        }
    }

    /// Ends a session; its site, and the rooms to which nobody listens any more on this worker. `None` where it has
    /// ended before.
    pub fn detach(&self, id: SessionId) -> Option<(SiteName, Vec<Room>)> {
        let mut inner = self.inner.borrow_mut();
        let Inner { sessions, index, .. } = &mut *inner;
        session(sessions, id)?;
        let session = sessions.try_remove(id.slot as usize)?;
        if let Some(kept) = session.kept {
            index.unbear(kept.device, id.slot);
        }
        let site = session.seed.site.name.clone();
        let left = index.leave(&site, &session.rooms, id.slot);
        Some((site, left))
    }

    /// The number of a site on this worker.
    pub fn site(&self, name: &SiteName) -> SiteNo {
        self.inner.borrow_mut().turns.number(name)
    }

    /// The site of a session, with all that is configured about it.
    pub fn site_itself(&self, id: SessionId) -> Option<Arc<Site>> {
        session(&mut self.inner.borrow_mut().sessions, id).map(|session| Arc::clone(&session.seed.site))
    }

    /// The site of a session; of none where it has gone.
    pub fn site_of(&self, id: SessionId) -> SiteNo {
        session(&mut self.inner.borrow_mut().sessions, id).map_or(SiteNo::default(), |session| session.site)
    }

    /// The site of a device; `None` where no session of it was let in here.
    pub fn site_of_device(&self, device: DeviceNo) -> Option<SiteNo> {
        let inner = self.inner.borrow();
        let first = inner.index.device(device).first();
        first.and_then(|slot| inner.sessions.get(*slot as usize)).map(|session| session.site)
    }

    /// Works on a session's place in its inbox.
    pub fn with_kept<T>(&self, id: SessionId, work: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let mut inner = self.inner.borrow_mut();
        session(&mut inner.sessions, id)?.kept.as_mut().map(work)
    }
}

impl Inner {
    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    pub(super) fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(id.slot as usize).filter(|link| link.serial == id.serial)
    }

    pub(super) fn mark_dirty(&mut self, slot: u32) {
        if let Some(link) = self.links.get_mut(slot as usize) {
            let site = link.site;
            line_up(link, &mut self.turns, site, slot);
        }
    }

    /// A session of the link was let in.
    pub(super) fn know(&mut self, id: LinkId) {
        if let Some(link) = self.link(id) {
            link.known = true;
        }
    }

    fn queue(&mut self, id: LinkId, site: SiteNo, frame: Rc<Frame>, limit: usize) {
        queue(&mut self.links, &mut self.turns, id, site, frame, limit);
    }
}

/// A link has something to send, said in `site`. One that already waits for the turn of another site waits for both:
/// whichever comes first sends it all.
fn line_up(link: &mut Link, turns: &mut Turns, site: SiteNo, slot: u32) {
    if !link.dirty || link.site != site {
        (link.dirty, link.site) = (true, site);
        turns.add(site, slot);
    }
}

/// Puts a frame into a link's outbox, see [`queue_all`].
pub(super) fn queue(
    links: &mut Slab<Link>,
    turns: &mut Turns,
    id: LinkId,
    site: SiteNo,
    frame: Rc<Frame>,
    limit: usize,
) {
    queue_all(links, turns, id, site, std::iter::once(frame), limit);
}

/// Puts frames into a link's outbox. Past the limit the link is closed as too slow, if its carrier takes no more:
/// what came together in one turn does not count against a client that had no chance to read it yet.
/// Nothing happens where the link has gone: its place may belong to somebody else by now.
pub(super) fn queue_all(
    links: &mut Slab<Link>,
    turns: &mut Turns,
    id: LinkId,
    site: SiteNo,
    frames: impl Iterator<Item = Rc<Frame>> + Clone,
    limit: usize,
) {
    let Some(link) = links.get_mut(id.slot as usize).filter(|link| link.serial == id.serial) else { return };
    if link.closing.is_some() {
        return;
    }
    let size: usize = frames.clone().map(|frame| frame.len()).sum();
    let full = !link.outbox.is_empty() && link.outbox.weight() + size > limit;
    if full && (link.blocked || !link.known) {
        link.closing = Some(CloseReason::TooSlow);
        link.outbox.clear();
    } else {
        frames.for_each(|frame| link.outbox.push(frame));
    }
    line_up(link, turns, site, id.slot);
}

pub(super) fn session(sessions: &mut Slab<Session>, id: SessionId) -> Option<&mut Session> {
    sessions.get_mut(id.slot as usize).filter(|session| session.serial == id.serial)
}

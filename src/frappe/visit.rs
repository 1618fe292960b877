//! A client of a Frappe site that was let in: what it asks for, and what comes of it.

mod apps;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::apps::Apps;
use super::said::{Doc, Said, task_room, type_room};
use super::town::{Notice, Place, Town, Viewer};
use super::wishes::Wishes;
use crate::domain::{Room, SessionRef, Site};
use crate::gateway::{Attendance, Gateway, MAX_ROOM};
use crate::protocol::frappe::{Bench, Caller, Frappe, User};
use crate::transport::socketio::Socket;

/// How often a client may have viewers told who they are without being one of them.
const RECALL: Duration = Duration::from_secs(1);

/// Longest place that an editor is asked to open, in bytes: these wait in one line with what neighbours are told.
const EDITOR: usize = 8 * 1024;

/// Where a client is: its site, and whom that is asked of.
pub(super) struct Ground {
    pub(super) gateway: Rc<Gateway>,
    pub(super) frappe: Arc<Frappe>,
    pub(super) bench: Arc<Bench>,
    pub(super) town: Arc<Town>,
    pub(super) site: Arc<Site>,
    pub(super) socket: Socket,
}

/// A client that was let in.
pub(super) struct Visit {
    ground: Ground,
    caller: Arc<Caller>,
    user: User,
    /// When it connected, in microseconds.
    since: u64,
    attendance: Rc<Attendance>,
    wishes: Wishes,
    /// Where it is one of those who are named.
    places: RefCell<Vec<Place>>,
    /// When viewers were told last because it said that it had left where it was not.
    recalled: Cell<Option<Instant>>,
    /// The id that the client knows itself by.
    sid: Box<str>,
    apps: Apps,
}

impl Visit {
    pub(super) fn new(
        ground: Ground,
        caller: Arc<Caller>,
        user: User,
        since: u64,
        attendance: Rc<Attendance>,
        sid: Box<str>,
    ) -> Rc<Self> {
        let (wishes, places, recalled) = (Wishes::default(), RefCell::default(), Cell::new(None));
        let apps = Apps::default();
        Rc::new(Self { ground, caller, user, since, attendance, wishes, places, recalled, sid, apps })
    }

    /// The client says something.
    pub(super) fn hear(self: &Rc<Self>, said: Said) {
        match said {
            Said::Ping => self.ground.socket.emit(r#"["pong"]"#, &[]),
            Said::SubscribeType(doctype) => {
                let room = type_room(&doctype);
                self.ask(&doctype, None, room, Self::join);
            }
            Said::UnsubscribeType(doctype) => self.leave(&type_room(&doctype)),
            Said::Subscribe(doc) => {
                let room = doc.room();
                self.ask(&doc.doctype, Some(&doc.name), room, Self::join);
            }
            Said::Unsubscribe(doc) => self.leave(&doc.room()),
            Said::Open(doc) => self.open(&doc),
            Said::Close(doc) => self.close(&doc),
            Said::SubscribeTask(task) => self.join(&task_room(&task)),
            Said::UnsubscribeTask(task) => self.leave(&task_room(&task)),
            Said::OpenInEditor(what) => self.open_in_editor(&what),
            Said::Other(event, args) => self.hear_app(&event, &args),
            Said::Nothing => {}
        }
    }

    /// Ends it now, also where a task still holds it. Its places are told.
    pub(super) fn end(&self) {
        self.attendance.end();
        for place in self.places.take() {
            self.ground.town.leave(&self.ground.bench, &place, self.session(), &self.user.name);
        }
    }

    /// Asks the site whether the client may see a document or a type; `then` happens with the room if it may, and wants it
    /// still.
    fn ask(
        self: &Rc<Self>,
        doctype: &str,
        name: Option<&str>,
        room: Room,
        then: impl FnOnce(&Self, &Room) + 'static,
    ) {
        if room.as_str().len() > MAX_ROOM {
            // It would not be let into it, and what is asked meanwhile is kept, and sent on.
            return;
        }
        let Some(wish) = self.wishes.make(&room) else {
            tracing::debug!(site = %self.ground.site.name, "a client asks for more rooms at a time than are looked up");
            return;
        };
        let asked = self.ground.frappe.may_see(Arc::clone(&self.caller), doctype, name);
        let visit = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            let allowed = asked.await;
            let Some(visit) = visit.upgrade() else { return };
            if visit.wishes.settle(&room, wish) && allowed {
                then(&visit, &room);
            }
        });
    }

    fn join(&self, room: &Room) {
        self.ground.gateway.join_room(self.attendance.id(), room);
    }

    fn leave(&self, room: &Room) {
        self.depart(room);
    }

    /// It is in a room no more. Whether it was one of those who are named there.
    fn depart(&self, room: &Room) -> bool {
        self.wishes.withdraw(room);
        self.ground.gateway.leave_room(self.attendance.id(), room);
        let place = self.place(room);
        let at = self.places.borrow().iter().position(|known| *known == place);
        if let Some(at) = at {
            self.places.borrow_mut().swap_remove(at);
            self.ground.town.leave(&self.ground.bench, &place, self.session(), &self.user.name);
        }
        at.is_some()
    }

    fn open(self: &Rc<Self>, doc: &Doc) {
        let (room, notice) = (doc.open_room(), notice(doc));
        self.ask(&doc.doctype, Some(&doc.name), room, move |visit, room| visit.enter(room, vec![notice]));
    }

    /// The client is one of those who are named at a place.
    fn enter(&self, room: &Room, notices: Vec<Notice>) {
        self.join(room);
        let id = self.attendance.id();
        if !self.ground.gateway.hub().is_in(id, room) {
            return;
        }
        let place = self.place(room);
        if !self.places.borrow().contains(&place) {
            self.places.borrow_mut().push(place.clone());
        }
        let viewer = Viewer { session: self.session(), user: Arc::clone(&self.user.name), since: self.since };
        self.ground.town.enter(&self.ground.bench, place, notices, viewer);
    }

    fn close(&self, doc: &Doc) {
        let (room, notice) = (doc.open_room(), notice(doc));
        if !self.depart(&room) {
            self.recall(&self.place(&room), &notice);
        }
    }

    /// What needs no permission and makes others hear something is done seldom, or one client could drown them.
    fn recall(&self, place: &Place, notice: &Notice) {
        let now = Instant::now();
        let due = self.recalled.get().is_none_or(|last| now.duration_since(last) >= RECALL);
        if due && self.ground.town.recall(place, notice, &self.user.name) {
            self.recalled.set(Some(now));
        }
    }

    /// Only for developers: the editor is on their own machine.
    fn open_in_editor(&self, what: &Value) {
        let developing = self.ground.site.frappe().is_some_and(|frappe| frappe.developer_mode);
        let what = what.to_string().into_bytes();
        if developing && !self.user.is_guest() && what.len() <= EDITOR {
            self.ground.bench.open_in_editor(what);
        }
    }

    fn place(&self, room: &Room) -> Place {
        Place { site: self.ground.site.name.clone(), room: room.clone() }
    }

    fn session(&self) -> SessionRef {
        self.ground.gateway.reference(self.attendance.id())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end();
    }
}

fn notice(doc: &Doc) -> Notice {
    Notice::Doc { doctype: doc.doctype.clone(), docname: doc.name.clone() }
}

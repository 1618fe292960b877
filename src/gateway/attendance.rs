//! An attendance: as long as it is held, the session takes part.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use super::worker::Gateway;
use crate::domain::{Secret, Site};
use crate::hub::SessionId;
use crate::protocol::UserChange;
use crate::store::Disconnect;

/// A session's part in its site. Dropping it ends the session, wherever its connecting stands.
pub struct Attendance {
    gateway: Rc<Gateway>,
    id: SessionId,
    /// The store was told of it, and must be told of its end.
    pub(super) registered: Cell<bool>,
    /// The site was told of it, and must be told of its end.
    presence: Option<Box<Presence>>,
    announced: Cell<bool>,
}

/// Who is told to the site as coming and going.
pub(super) struct Presence {
    pub(super) site: Arc<Site>,
    pub(super) user_rooms: Vec<Box<str>>,
    pub(super) token: Option<Secret>,
}

impl Attendance {
    pub(super) fn new(gateway: Rc<Gateway>, id: SessionId, presence: Option<Box<Presence>>) -> Self {
        Self { gateway, id, registered: Cell::new(false), presence, announced: Cell::new(false) }
    }

    /// The session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Tells the site that the user came.
    pub(super) fn announce(&self) {
        self.announced.set(true);
        self.tell(true);
    }

    fn tell(&self, connected: bool) {
        let Some(presence) = &self.presence else { return };
        for user_room in &presence.user_rooms {
            let (user_room, token) = (user_room.clone(), presence.token.clone());
            let change = UserChange { user_room, connected, at: SystemTime::now(), token };
            self.gateway.shared.parts.protocol.user_changed(Arc::clone(&presence.site), change);
        }
    }
}

impl Attendance {
    /// Ends the session now, also where somebody still holds this (a task that was aborted goes only when it is
    /// its turn). Ending it again does nothing.
    pub fn end(&self) {
        self.gateway.arrivals.borrow_mut().remove(&self.id);
        if let Some((site, left)) = self.gateway.hub.detach(self.id)
            && !left.is_empty()
        {
            self.gateway.shared.parts.broker.unlisten(&site, &left);
        }
        if self.registered.replace(false) {
            self.gateway.flush_acks();
            let session = self.gateway.session_ref(self.id);
            self.gateway.shared.parts.store.disconnect(Disconnect { session });
        }
        if self.announced.replace(false) {
            self.tell(false);
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.end();
    }
}

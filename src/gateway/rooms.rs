//! Rooms that come and go while a client is connected: it asks for them, and its site's protocol lets it in.
//!
//! The broker hears of them only where a backend may send to the site over HTTP: what else is said in them is brought to each
//! process by the protocol itself, and clients are not to have the broker subscribe as they please.

use std::rc::Rc;
use std::sync::Arc;

use super::attendance::Attendance;
use super::worker::Gateway;
use crate::domain::{Room, SessionRef, Site};
use crate::hub::{SessionId, SessionSeed};
use crate::protocol::Refusal;

/// Most rooms that one client may be in at a time.
const MAX_ROOMS: usize = 1_000;
/// Longest name of a room that a client may be let into, in bytes.
pub const MAX_ROOM: usize = 1_024;

impl Gateway {
    /// Lets a client in that has no inbox and was found to belong to these rooms. `attached` gets the attendance before
    /// anything is sent; the session lives as long as that is held. Dropping the future gives up.
    ///
    /// # Errors
    /// [`Refusal`] where its connection ended meanwhile.
    pub async fn admit_live(
        self: &Rc<Self>,
        seed: SessionSeed,
        rooms: Vec<Room>,
        attached: impl FnOnce(Attendance) -> Rc<Attendance>,
    ) -> Result<(), Refusal> {
        if self.shared.is_draining() {
            // As for all others: its connection is about to be closed, and then it tries again.
            return std::future::pending().await;
        }
        let site = Arc::clone(&seed.site);
        let id = self.hub.attach(seed);
        let _attendance = attached(Attendance::new(Rc::clone(self), id, None));
        if site.api_key.is_some() {
            return self.join_live(id, &site, rooms).await;
        }
        self.hub.listen(id, rooms);
        self.begin(id)
    }

    /// A client listens to one more room of its site. Whether it does now and did not before; not where it is in very many
    /// rooms, or the name is very long.
    pub fn join_room(&self, session: SessionId, room: &Room) -> bool {
        if room.as_str().len() > MAX_ROOM {
            return false;
        }
        let Some(first) = self.hub.enter_room(session, room.clone(), MAX_ROOMS) else { return false };
        if first && let Some(site) = self.open_site(session) {
            self.shared.parts.broker.listen(&site.name, std::slice::from_ref(room));
        }
        true
    }

    /// A client does not listen to a room any more. Whether it did.
    pub fn leave_room(&self, session: SessionId, room: &Room) -> bool {
        let Some(last) = self.hub.leave_room(session, room) else { return false };
        if last && let Some(site) = self.open_site(session) {
            self.shared.parts.broker.unlisten(&site.name, std::slice::from_ref(room));
        }
        true
    }

    /// The site of a session, where a backend may send to it.
    fn open_site(&self, session: SessionId) -> Option<Arc<Site>> {
        self.hub.site_itself(session).filter(|site| site.api_key.is_some())
    }

    /// How a session of this worker is named in the whole process.
    #[must_use]
    pub fn reference(&self, session: SessionId) -> SessionRef {
        self.session_ref(session)
    }
}

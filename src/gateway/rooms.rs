//! Rooms that come and go while a client is connected: it asks for them, and its site's protocol lets it in.
//!
//! The broker does not hear of them: what is said in them is brought to each process by the protocol itself.

use std::rc::Rc;

use super::attendance::Attendance;
use super::worker::Gateway;
use crate::domain::{Room, SessionRef};
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
        let id = self.hub.attach(seed);
        let _attendance = attached(Attendance::new(Rc::clone(self), id, None));
        self.hub.listen(id, rooms);
        self.begin(id)
    }

    /// A client listens to one more room of its site. Whether it does now and did not before; not where it is in very many
    /// rooms, or the name is very long.
    pub fn join_room(&self, session: SessionId, room: &Room) -> bool {
        room.as_str().len() <= MAX_ROOM && self.hub.enter_room(session, room.clone(), MAX_ROOMS)
    }

    /// A client does not listen to a room any more. Whether it did.
    pub fn leave_room(&self, session: SessionId, room: &Room) -> bool {
        self.hub.leave_room(session, room)
    }

    /// How a session of this worker is named in the whole process.
    #[must_use]
    pub fn reference(&self, session: SessionId) -> SessionRef {
        self.session_ref(session)
    }
}

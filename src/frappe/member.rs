//! A client's part in a Frappe site, from its knock on.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::AbortHandle;

use super::said;
use super::town::first_rooms;
use super::visit::{Ground, Visit};
use crate::gateway::Attendance;
use crate::hub::{Frame, SessionSeed};
use crate::protocol::frappe::Caller;
use crate::transport::engine::{Fault, Sid};
use crate::transport::socketio::{Member, Said, Standing, live_dialect};

/// A client's part in a Frappe site.
pub(super) struct FrappeMember {
    state: RefCell<State>,
    /// What lets the client in, until that is done.
    task: RefCell<Option<AbortHandle>>,
}

enum State {
    Pending,
    /// The gateway knows it; it hears nothing yet.
    Attached(Rc<Attendance>),
    Joined(Rc<Visit>),
    Refused,
}

impl FrappeMember {
    /// A client that was turned away.
    pub(super) fn refused() -> Rc<Self> {
        Rc::new(Self { state: RefCell::new(State::Refused), task: RefCell::default() })
    }

    /// A client that may come in if its site knows it.
    pub(super) fn pending(ground: Ground, caller: Caller, sid: Sid) -> Rc<Self> {
        Rc::new_cyclic(|member: &Weak<Self>| {
            let task = enter(ground, Arc::new(caller), sid, Weak::clone(member));
            let task = tokio::task::spawn_local(task).abort_handle();
            Self { state: RefCell::new(State::Pending), task: RefCell::new(Some(task)) }
        })
    }

    fn settle(&self, state: State) {
        *self.task.borrow_mut() = None;
        *self.state.borrow_mut() = state;
    }
}

impl Drop for FrappeMember {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        // Tasks that were aborted hold what they have until it is their turn.
        match self.state.replace(State::Refused) {
            State::Attached(attendance) => attendance.end(),
            State::Joined(visit) => visit.end(),
            State::Pending | State::Refused => {}
        }
    }
}

impl Member for FrappeMember {
    fn standing(&self) -> Standing {
        match *self.state.borrow() {
            State::Pending | State::Attached(_) => Standing::Pending,
            State::Joined(_) => Standing::Joined,
            State::Refused => Standing::Refused,
        }
    }

    fn event(&self, said: Said<'_>) -> Result<(), Fault> {
        let visit = match &*self.state.borrow() {
            State::Joined(visit) => Rc::clone(visit),
            _ => return Err(Fault("an event before the client was let in")),
        };
        let event = said::read(said.json)?;
        // Nothing that a site knows has attachments, and without them it would be something else.
        if said.attachments.is_empty() {
            visit.hear(event);
        }
        Ok(())
    }

    fn ack(&self, _: Said<'_>) {}

    fn again(&self) -> Result<(), Fault> {
        match *self.state.borrow() {
            State::Joined(_) => Err(Fault("a second CONNECT for a namespace that was joined")),
            _ => Ok(()),
        }
    }
}

/// Asks the site who the client is, and lets it in.
async fn enter(ground: Ground, caller: Arc<Caller>, sid: Sid, member: Weak<FrappeMember>) {
    let site = Arc::clone(&ground.site);
    let user = match ground.frappe.user(Arc::clone(&caller)).await {
        Ok(user) => user,
        Err(failure) => {
            if failure.is_a_fault() {
                tracing::warn!(site = %site.name, reason = %failure, "a client was not let in: its site could not say who it is");
            } else {
                tracing::info!(site = %site.name, reason = %failure, "client not let in");
            }
            return turn_away(&ground, &member, &failure.told());
        }
    };
    ground.town.settle(&site);
    let id: Box<str> = sid.as_str().into();
    let rooms = first_rooms(sid.as_str(), &user.name, user.is_system);
    let attached = |attendance: Attendance| {
        let attendance = Rc::new(attendance);
        if let Some(member) = member.upgrade() {
            *member.state.borrow_mut() = State::Attached(Rc::clone(&attendance));
        }
        attendance
    };
    let gateway = Rc::clone(&ground.gateway);
    if let Err(refusal) = gateway.admit_live(seed(&ground, sid), rooms, attached).await {
        return turn_away(&ground, &member, &refusal.text);
    }
    let Some(member) = member.upgrade() else { return };
    let State::Attached(attendance) = member.state.replace(State::Pending) else { return };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    member.settle(State::Joined(Visit::new(ground, caller, user, since, attendance, id)));
}

fn turn_away(ground: &Ground, member: &Weak<FrappeMember>, text: &str) {
    if let Some(member) = member.upgrade() {
        member.settle(State::Refused);
    }
    ground.socket.refuse(text);
}

fn seed(ground: &Ground, sid: Sid) -> SessionSeed {
    let mut welcome = Frame::default();
    ground.socket.write_accept(sid.as_str(), &mut welcome);
    SessionSeed {
        link: ground.socket.link(),
        site: Arc::clone(&ground.site),
        dialect: live_dialect(ground.socket.namespace()),
        welcome: Some(Rc::new(welcome)),
    }
}

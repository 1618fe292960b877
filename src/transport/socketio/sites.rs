//! The sites of the gateway as namespaces.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use serde_json::Value;
use tokio::task::AbortHandle;

use super::dialect::{DIALECT, emit};
use super::namespace::{Member, Namespaces, Said, Socket, Standing};
use super::offer::Offer;
use crate::domain::{Site, WorkerId};
use crate::gateway::{Attendance, Gateway, Visitor};
use crate::hub::{Frame, SessionSeed};
use crate::protocol::{Credentials, Refusal};
use crate::transport::engine::{Fault, Sid};

/// Every site as the namespace of its name, and a root that anybody may join and where nothing happens.
pub struct SiteNamespaces {
    gateway: Rc<Gateway>,
    worker: WorkerId,
}

impl SiteNamespaces {
    /// The sites of `gateway`, which works on `worker`.
    #[must_use]
    pub fn new(gateway: Rc<Gateway>, worker: WorkerId) -> Self {
        Self { gateway, worker }
    }

    fn visitor(&self, site: &Arc<Site>, socket: &Socket, offer: &Offer, auth: Option<&str>) -> Visitor {
        let auth: Option<Value> = auth.and_then(|auth| serde_json::from_str(auth).ok());
        let mut welcome = Frame::default();
        socket.write_accept(Sid::random(self.worker).as_str(), &mut welcome);
        let settings =
            format!(r#"["_settings",{{"device_ttl":{}}}]"#, self.gateway.shared().device_ttl().as_secs());
        emit(&site.name, None, settings.as_bytes(), &mut welcome);
        let (link, dialect) = (socket.link(), &DIALECT);
        Visitor {
            credentials: Credentials {
                token: offer.token(auth.as_ref()),
                meta: offer.get(auth.as_ref(), "meta"),
            },
            device_id: offer.get(auth.as_ref(), "deviceId").unwrap_or_default(),
            seed: SessionSeed { link, site: Arc::clone(site), dialect, welcome: Some(Rc::new(welcome)) },
        }
    }
}

impl Namespaces for SiteNamespaces {
    fn enter(&self, socket: Socket, offer: &Rc<Offer>, auth: Option<&str>) -> Option<Rc<dyn Member>> {
        let name = socket.namespace().strip_prefix('/')?;
        if name.is_empty() {
            socket.accept(Sid::random(self.worker).as_str());
            return Some(Rc::new(Root));
        }
        let site = self.gateway.shared().site(name)?;
        let visitor = self.visitor(&site, &socket, offer, auth);
        let gateway = &self.gateway;
        Some(Rc::new_cyclic(|member: &Weak<SiteMember>| {
            let task = enter(Rc::clone(gateway), visitor, socket, Weak::clone(member));
            let task = tokio::task::spawn_local(task).abort_handle();
            let task = RefCell::new(Some(task));
            SiteMember { gateway: Rc::clone(gateway), state: RefCell::new(State::Pending), task }
        }))
    }
}

/// The root namespace: old clients are always in it.
struct Root;

impl Member for Root {
    fn standing(&self) -> Standing {
        Standing::Guest
    }

    fn event(&self, _: Said<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn ack(&self, _: Said<'_>) {}
}

/// A client's part in a site.
struct SiteMember {
    gateway: Rc<Gateway>,
    state: RefCell<State>,
    /// What lets the client in, until that is done: a handle keeps all the memory of its task.
    task: RefCell<Option<AbortHandle>>,
}

enum State {
    Pending,
    Attached(Rc<Attendance>),
    Joined(Rc<Attendance>),
    Refused,
}

impl Drop for SiteMember {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        // The aborted task holds the attendance until it is its turn: what arrives before that is not for a client
        // that has left, and may be back already.
        if let Some(attendance) = self.attendance() {
            attendance.end();
        }
    }
}

impl Member for SiteMember {
    fn standing(&self) -> Standing {
        match *self.state.borrow() {
            State::Pending | State::Attached(_) => Standing::Pending,
            State::Joined(_) => Standing::Joined,
            State::Refused => Standing::Refused,
        }
    }

    /// Clients of a site have nothing to say but acknowledgements.
    fn event(&self, _: Said<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn ack(&self, said: Said<'_>) {
        if let (Some(attendance), Some(id)) = (self.attendance(), said.id) {
            self.gateway.acknowledge(attendance.id(), id);
        }
    }

    fn heartbeat(&self) {
        if let Some(attendance) = self.attendance() {
            self.gateway.heartbeat(attendance.id());
        }
    }
}

impl SiteMember {
    fn attendance(&self) -> Option<Rc<Attendance>> {
        match &*self.state.borrow() {
            State::Attached(attendance) | State::Joined(attendance) => Some(Rc::clone(attendance)),
            State::Pending | State::Refused => None,
        }
    }

    fn settle(&self, outcome: &Result<(), Refusal>) {
        *self.task.borrow_mut() = None;
        let state = self.state.replace(State::Refused);
        if let (Ok(()), State::Attached(attendance)) = (outcome, state) {
            *self.state.borrow_mut() = State::Joined(attendance);
        }
    }
}

/// Lets a client into a site, or tells it why not.
async fn enter(gateway: Rc<Gateway>, visitor: Visitor, socket: Socket, member: Weak<SiteMember>) {
    let site = visitor.seed.site.name.clone();
    let attached = |attendance: Attendance| {
        let attendance = Rc::new(attendance);
        if let Some(member) = member.upgrade() {
            *member.state.borrow_mut() = State::Attached(Rc::clone(&attendance));
        }
        attendance
    };
    let outcome = gateway.connect(visitor, attached).await;
    if let Some(member) = member.upgrade() {
        member.settle(&outcome);
    }
    if let Err(refusal) = outcome {
        tracing::info!(%site, reason = %refusal.text, transient = refusal.transient, "client not let in");
        socket.refuse(&refusal.text);
    }
}

#[cfg(test)]
mod tests;

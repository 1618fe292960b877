//! Connect: who is it, where does it belong, what waits for it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::attendance::{Attendance, Presence};
use super::worker::Gateway;
use crate::broker::Outcome;
use crate::domain::{DeviceKey, Membership, Room, Secret, Site};
use crate::hub::{SessionId, SessionSeed};
use crate::protocol::{Credentials, Refusal};
use crate::store::{Connect, StoreError};
use crate::telemetry::Seldom;

/// Longest deviceId, in bytes.
const MAX_DEVICE_ID: usize = 256;
/// Most rooms that one client may be in.
const MAX_ROOMS: usize = 10_000;
/// How long a client is kept waiting until the broker listens to its rooms.
const LISTEN_WAIT: Duration = Duration::from_secs(1);

/// The line about clients that were let in before the broker listened to their rooms.
static NOT_LISTENING: Seldom = Seldom::new();

/// A client that wants to take part in a site.
pub struct Visitor {
    /// What it says who it is.
    pub credentials: Credentials,
    /// What it calls its installation; empty when it says nothing.
    pub device_id: String,
    /// Its session, once it is let in.
    pub seed: SessionSeed,
}

/// What the auth answer and the deviceId come to.
enum Place {
    /// The bearer of a device.
    Device(DeviceKey, Vec<Room>),
    /// Hears what is said in these rooms while it is there.
    Live(Vec<Room>),
}

impl Gateway {
    /// Lets a client in: asks its site, registers its device, and sees to it that the welcome and what waits
    /// for it are sent. `attached` gets the attendance before anything is sent; the session lives as long as that
    /// is held. Dropping the future gives up.
    ///
    /// # Errors
    /// [`Refusal`] with the text for the client.
    pub async fn connect(
        self: &Rc<Self>,
        visitor: Visitor,
        attached: impl FnOnce(Attendance) -> Rc<Attendance>,
    ) -> Result<(), Refusal> {
        let Visitor { credentials, device_id, seed } = visitor;
        let site = Arc::clone(&seed.site);
        if self.shared.is_draining() {
            // Its connection is about to be closed, and then it tries again. Clients that are refused do not.
            return std::future::pending().await;
        }
        if device_id.len() > MAX_DEVICE_ID {
            return Err(permanent(format!("deviceId is longer than {MAX_DEVICE_ID} bytes")));
        }
        let token = credentials.token.clone();
        let names = self.shared.parts.protocol.authorize(Arc::clone(&site), credentials).await?;
        let membership = membership(&site, &names)?;
        let presence = presence(&site, &membership, token);
        let id = self.hub.attach(seed);
        let attendance = attached(Attendance::new(Rc::clone(self), id, presence));
        match place(&site, membership, device_id) {
            Place::Live(rooms) => self.join_live(id, &site, rooms).await?,
            Place::Device(device, rooms) => {
                if let Err(error) = self.register(&attendance, device, rooms).await {
                    tracing::warn!(site = %site.name, %error, "device not registered");
                    return Err(unavailable("Service unavailable: messages cannot be kept at the moment"));
                }
            }
        }
        attendance.announce();
        Ok(())
    }

    pub(super) async fn join_live(
        &self,
        id: SessionId,
        site: &Site,
        rooms: Vec<Room>,
    ) -> Result<(), Refusal> {
        self.listen(id, site, rooms).await;
        self.begin(id)
    }

    /// Welcomes a session whose rooms are known.
    pub(super) fn begin(&self, id: SessionId) -> Result<(), Refusal> {
        if self.hub.join(id) { Ok(()) } else { Err(unavailable("Service unavailable: the connection ended")) }
    }

    /// What is said in the rooms while the broker is not listening yet would not be heard. But a broker that cannot be
    /// reached keeps nobody out.
    async fn listen(&self, id: SessionId, site: &Site, rooms: Vec<Room>) {
        let broker = &self.shared.parts.broker;
        let first = self.hub.listen(id, rooms.clone());
        if !first.is_empty() {
            broker.listen(&site.name, &first);
        }
        let Outcome::Later(in_force) = broker.in_force(&site.name, &rooms) else { return };
        let told = tokio::time::timeout(LISTEN_WAIT, in_force).await;
        if !matches!(told, Ok(Ok(())))
            && let Some(more) = NOT_LISTENING.due()
        {
            tracing::warn!(
                site = %site.name,
                more,
                "a client was let in that does not hear broadcasts yet: the broker could not be told in time"
            );
        }
    }

    async fn register(
        &self,
        attendance: &Attendance,
        device: DeviceKey,
        rooms: Vec<Room>,
    ) -> Result<(), StoreError> {
        let id: SessionId = attendance.id();
        let (sender, receiver) = oneshot::channel();
        self.arrivals.borrow_mut().insert(id, sender);
        attendance.registered.set(true);
        let (session, limit) = (self.session_ref(id), self.shared.parts.page);
        // What another session of the device has acknowledged does not come again on this one.
        self.flush_acks();
        self.shared.parts.store.connect(Connect { session, device, rooms, limit });
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn membership(site: &Site, names: &[String]) -> Result<Membership, Refusal> {
    if names.len() > MAX_ROOMS {
        tracing::warn!(site = %site.name, rooms = names.len(), "auth answer names too many rooms");
        return Err(unavailable("Service unavailable: the site's auth server named too many rooms"));
    }
    Membership::of(site, names).ok_or_else(|| permanent("User is missing a private room".to_owned()))
}

fn place(site: &Site, membership: Membership, device_id: String) -> Place {
    match membership.primary {
        Some(primary) if !(membership.anonymous && device_id.is_empty()) => {
            let device = DeviceKey { site: site.name.clone(), primary, device_id: device_id.into() };
            Place::Device(device, membership.rooms)
        }
        _ => Place::Live(membership.rooms),
    }
}

fn presence(site: &Arc<Site>, membership: &Membership, token: Option<Secret>) -> Option<Box<Presence>> {
    site.webservice()?.update_user_url.as_ref()?;
    let user_rooms = membership.rooms.iter().map(Room::as_str).filter(|room| site.is_user_room(room));
    let user_rooms = user_rooms.map(Into::into).collect();
    Some(Box::new(Presence { site: Arc::clone(site), user_rooms, token }))
}

fn unavailable(text: &str) -> Refusal {
    Refusal { text: text.to_owned(), transient: true }
}

fn permanent(text: String) -> Refusal {
    Refusal { text, transient: false }
}

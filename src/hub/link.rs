//! Links: connections as the hub sees them.

use std::rc::Rc;

use super::outbox::Outbox;
use super::turns::SiteNo;

/// Names a link on its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId {
    /// Where it stands.
    pub slot: u32,
    /// Against reuse of that place.
    pub serial: u32,
}

/// Why a link is closed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// It did not take what was sent for it; its outbox is full.
    TooSlow,
    /// It broke: the peer is gone.
    Gone,
    /// It said something that the protocol does not allow.
    Protocol,
    /// It did not answer a ping, or sent none.
    HeartbeatMissed,
    /// It did not join a site in time.
    NotAuthenticated,
    /// The peer closed it in good order.
    ByPeer,
    /// This node stops.
    Draining,
    /// The store does not know the device of one of its sessions any more: its client has to come anew.
    Forgotten,
}

impl CloseReason {
    /// For logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooSlow => "too slow",
            Self::Gone => "connection lost",
            Self::Protocol => "protocol violation",
            Self::HeartbeatMissed => "heartbeat missed",
            Self::NotAuthenticated => "not authenticated in time",
            Self::ByPeer => "closed by client",
            Self::Draining => "server stops",
            Self::Forgotten => "device forgotten",
        }
    }
}

/// What a flush came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Everything is sent.
    All,
    /// The carrier takes no more at the moment; [`Wire::await_room`] is called next.
    Blocked,
    /// The peer is gone.
    Gone,
}

/// What carries a link: a socket, or requests that come and go. Never calls back into the hub from `flush`.
pub trait Wire {
    /// Sends what waits, as much as goes without waiting. `scratch` is shared by all links of the worker.
    fn flush(&self, outbox: &mut Outbox, scratch: &mut Vec<u8>) -> Flushed;

    /// Sees to it that [`super::Hub::unblock`] is called when the carrier takes more.
    fn await_room(self: Rc<Self>, link: LinkId);

    /// Ends the connection and everything on it. The outbox is lost.
    fn close(self: Rc<Self>, reason: CloseReason);
}

/// One connection and what waits for it.
pub(super) struct Link {
    pub(super) serial: u32,
    pub(super) wire: Rc<dyn Wire>,
    pub(super) outbox: Outbox,
    /// Has something to send, and waits for the turn of its site.
    pub(super) dirty: bool,
    /// The site in which something was said on it last.
    pub(super) site: SiteNo,
    /// Waits until the carrier takes more.
    pub(super) blocked: bool,
    /// A session of it was let in. A stranger's outbox takes little.
    pub(super) known: bool,
    /// To be closed: at once when the peer is too slow or has gone by itself, else when the outbox is empty.
    pub(super) closing: Option<CloseReason>,
}

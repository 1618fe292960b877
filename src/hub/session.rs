//! Sessions: one namespace of a link, a member of rooms or the bearer of a device.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use super::flow::Flow;
use super::frame::Frame;
use super::link::LinkId;
use super::turns::SiteNo;
use crate::domain::{AckId, DeviceNo, Event, Room, Seq, Site, SiteName};

/// Names a session on its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// Where it stands.
    pub slot: u32,
    /// Against reuse of that place.
    pub serial: u32,
}

/// Makes the frames of one kind of client. One frame serves all recipients of a worker.
pub trait Dialect: Any {
    /// An event, to be acknowledged when it has an ack id.
    fn event(&self, site: &SiteName, ack: Option<AckId>, event: &Event, frame: &mut Frame);

    /// What waited in an inbox, as one packet with one acknowledgement.
    fn batch(&self, site: &SiteName, ack: AckId, events: &[(Seq, Event)], frame: &mut Frame);

    /// The order broke: the client must fetch everything anew.
    fn resync(&self, site: &SiteName, frame: &mut Frame);
}

/// What a session is made of.
#[derive(Clone)]
pub struct SessionSeed {
    /// The connection that carries it.
    pub link: LinkId,
    /// Its site.
    pub site: Arc<Site>,
    /// How it is spoken to.
    pub dialect: &'static dyn Dialect,
    /// Sent as the first thing once the session is let in, and not kept beyond that.
    pub welcome: Option<Rc<Frame>>,
}

/// The inbox of a session's device, and where the session stands in it.
#[derive(Debug)]
pub struct Kept {
    /// The device.
    pub device: DeviceNo,
    /// Where the session stands.
    pub flow: Flow,
    /// A `_resync` was written, and nothing proves yet that it arrived.
    pub resync: Option<ResyncDue>,
    /// The last `_resync` that was written: for what was cleared up to and with this entry.
    pub told: Option<Seq>,
    /// Second (of the hub's clock) since which something waits for an ack; only where the site has an ack timeout.
    pub waiting_since: Option<u32>,
}

/// How many heartbeats prove that a `_resync` arrived: the first one may have been under way before it.
const PROVING_BEATS: u8 = 2;

/// A `_resync` that was written: the device owes it until something proves that it arrived.
#[derive(Debug, Clone, Copy)]
pub struct ResyncDue {
    behind: Seq,
    through: Seq,
    beats: u8,
}

impl ResyncDue {
    /// For what was cleared up to and with `through`, written behind the entry `behind`.
    #[must_use]
    pub fn new(through: Seq, behind: Seq) -> Self {
        Self { behind: behind.max(through), through, beats: 0 }
    }

    /// What was cleared up to and with this one.
    #[must_use]
    pub fn through(self) -> Seq {
        self.through
    }

    /// An entry was acknowledged; whether that proves that the `_resync` before it arrived.
    #[must_use]
    pub fn proved_by(self, acknowledged: Seq) -> bool {
        acknowledged > self.behind
    }

    /// A heartbeat came; whether it was the last one needed.
    pub fn beat(&mut self) -> bool {
        self.beats += 1;
        self.beats >= PROVING_BEATS
    }
}

/// One session.
pub(super) struct Session {
    pub(super) serial: u32,
    pub(super) seed: SessionSeed,
    /// The number of its site.
    pub(super) site: SiteNo,
    /// `None` while it is not let in yet, and for sessions that are live only.
    pub(super) kept: Option<Kept>,
    /// Rooms it listens to by itself; empty for the bearer of a device, whose recipients the store resolves.
    pub(super) rooms: Box<[Room]>,
    /// It hears what is said in them.
    pub(super) joined: bool,
    /// The broadcast that reached it last, so that one for two of its rooms comes once.
    pub(super) mark: u32,
}

//! Who is meant: a worker thread, a session on it, a device in the store.

use super::site::SiteName;

/// One worker thread of this process, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u16);

/// A live session: where it stands on its worker, and a serial against reuse of that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef {
    /// The worker thread that carries the session.
    pub worker: WorkerId,
    /// Its place in that worker's hub.
    pub slot: u32,
    /// Grows with each session of that hub: a message for an earlier tenant of `slot` is ignored.
    pub serial: u32,
}

/// Where the answer of a store command goes: a waiting request on a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyTo {
    /// The worker that asked.
    pub worker: WorkerId,
    /// Names the waiting request on that worker.
    pub token: u32,
}

/// The number a store gives a device for as long as it knows it. Never reused by that store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceNo(pub u64);

/// A client installation: (site, primary room, deviceId).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceKey {
    /// The site the device belongs to.
    pub site: SiteName,
    /// The user room of the auth answer that sorts first, or the public channel.
    pub primary: Box<str>,
    /// What the client calls itself; may be empty.
    pub device_id: Box<str>,
}

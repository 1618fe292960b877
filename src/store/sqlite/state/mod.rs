//! The registry: everything the writer must know to answer, in memory.
//!
//! Every method changes memory and remembers two things: what the file does not have yet ([`Changes`]), and, for
//! connects and messages, how to take it back ([`Undo`]). Acks and ends of sessions are never taken back: nobody
//! was promised that they are durable.
//!
//! What must not live here: SQL, threads, the clock.

mod ack;
mod append;
mod connect;
mod device;
mod expire;
mod open;
mod restore;
mod roster;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::BTreeSet;
use std::sync::Arc;

use ahash::AHashMap;

use super::super::{Counters, Page, PageLimit};
use crate::domain::{DeviceKey, DeviceNo, DeviceTtl, Message, Seq, SessionRef, SiteName};
pub(super) use device::{Device, Touch, Workers};
pub(super) use open::OpenMessage;
pub(super) use restore::{StoredDevice, StoredMessage};
use roster::Rosters;
use undo::Undo;

/// How far ahead numbers are reserved in the file.
const RESERVE: u64 = 1 << 16;

/// An inbox was cleared; whom to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cleared {
    pub(super) device: DeviceNo,
    pub(super) through: Seq,
    pub(super) workers: Workers,
}

/// What memory has and the file has not.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Messages of this round.
    pub(super) created: Vec<(Seq, Arc<Message>)>,
    /// Messages nobody waits for any more (some may be waited for again after an undo).
    pub(super) settled: Vec<Seq>,
    /// Messages whose list has become shorter.
    pub(super) stale: Vec<Seq>,
    /// Devices with a [`Touch`].
    pub(super) touched: Vec<DeviceNo>,
    /// Devices that are no more.
    pub(super) gone: Vec<DeviceNo>,
}

/// The last number given out, and up to which the file knows of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Numbering {
    pub(super) last: u64,
    pub(super) ceiling: u64,
}

impl Numbering {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The ceiling the file should state when this is committed.
    pub(super) fn wanted(&self) -> u64 {
        if self.last > self.ceiling { self.last + RESERVE } else { self.ceiling }
    }
}

/// The registry.
#[derive(Default)]
pub(super) struct State {
    pub(super) devices: AHashMap<DeviceNo, Device>,
    pub(super) open: AHashMap<Seq, OpenMessage>,
    pub(super) changes: Changes,
    pub(super) counters: Counters,
    pub(super) seqs: Numbering,
    pub(super) numbers: Numbering,
    keys: AHashMap<Arc<DeviceKey>, DeviceNo>,
    sessions: AHashMap<SessionRef, DeviceNo>,
    rosters: Rosters,
    /// Who is away: Unix milliseconds of the end, device.
    expiries: BTreeSet<(u64, DeviceNo)>,
    undo: Vec<Undo>,
    /// Milliseconds; `None`: for ever.
    ttl: Option<u64>,
    /// Entries above were not published yet: no ack can mean them.
    committed: Seq,
}

impl State {
    pub(super) fn new(ttl: DeviceTtl) -> Self {
        let ttl = match ttl {
            DeviceTtl::After(ttl) => Some(ttl.as_millis() as u64),
            DeviceTtl::Never => None,
        };
        Self { ttl, ..Self::default() }
    }

    /// The last entry of all inboxes.
    pub(super) fn last_seq(&self) -> Seq {
        Seq(self.seqs.last)
    }

    /// Whether this round has something that must be durable before it is answered.
    pub(super) fn has_promises(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether the file should be told something soon (that `stale` lists are shorter can wait).
    pub(super) fn has_changes(&self) -> bool {
        let changes = &self.changes;
        !(changes.created.is_empty()
            && changes.settled.is_empty()
            && changes.touched.is_empty()
            && changes.gone.is_empty())
    }

    /// The file has everything now; with `lists` also how much shorter the lists are.
    pub(super) fn saved(&mut self, lists: bool) {
        self.undo.clear();
        self.committed = self.last_seq();
        self.seqs.ceiling = self.seqs.wanted();
        self.numbers.ceiling = self.numbers.wanted();
        self.changes.created.clear();
        self.changes.gone.clear();
        for seq in self.changes.settled.drain(..) {
            if self.open.get(&seq).is_some_and(OpenMessage::is_settled) {
                self.open.remove(&seq);
            }
        }
        for no in self.changes.touched.drain(..) {
            if let Some(device) = self.devices.get_mut(&no) {
                device.touch = Touch::Clean;
            }
        }
        if lists {
            for seq in self.changes.stale.drain(..) {
                if let Some(message) = self.open.get_mut(&seq) {
                    (message.stale, message.noted) = (false, true);
                    message.shrink();
                }
            }
        }
    }

    /// Marks a device's row as out of date.
    fn touch(&mut self, no: DeviceNo, touch: Touch) {
        let Some(device) = self.devices.get_mut(&no) else { return };
        if device.touch == Touch::Clean {
            self.changes.touched.push(no);
        }
        device.touch = device.touch.max(touch);
    }

    /// An entry has left an inbox. With `list` the message's list in the file must tell so, since nothing else
    /// does.
    fn settle(&mut self, no: DeviceNo, seq: Seq, list: bool) {
        let Some(message) = self.open.get_mut(&seq) else { return };
        if !message.settle(no) {
            return;
        }
        if message.is_settled() {
            self.changes.settled.push(seq);
        } else if list && !message.stale {
            message.stale = true;
            self.changes.stale.push(seq);
        }
    }

    /// The site of a device.
    pub(super) fn site(&self, no: DeviceNo) -> Option<&SiteName> {
        self.devices.get(&no).map(|device| &device.key.site)
    }

    fn bytes_of(&self, seq: Seq) -> u32 {
        self.open.get(&seq).map_or(0, |message| message.bytes)
    }

    /// What waits for a device after `after`, within `limit`: a page without its bodies, and whose these are.
    pub(super) fn page(&self, no: DeviceNo, after: Seq, limit: PageLimit) -> (Page, Vec<Seq>) {
        let mut page = Page { through: self.last_seq(), ..Page::default() };
        let mut seqs = Vec::new();
        let Some(device) = self.devices.get(&no) else { return (page, seqs) };
        page.resync = device.owes_resync;
        let mut bytes = 0_usize;
        let start = device.inbox.partition_point(|seq| *seq <= after);
        for seq in device.inbox.range(start..) {
            bytes = bytes.saturating_add(self.bytes_of(*seq) as usize);
            let full = seqs.len() >= limit.entries || bytes > limit.bytes;
            if full && let Some(last) = seqs.last() {
                (page.through, page.more) = (*last, true);
                break;
            }
            seqs.push(*seq);
        }
        (page, seqs)
    }
}

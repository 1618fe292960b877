//! The store: keeps devices, rooms and inboxes, and puts everything about them into one order.
//!
//! A [`Store`] takes commands without blocking and answers through the [`Outlet`] of the worker concerned, in
//! the order in which the commands took effect. That order is the whole contract: a device's
//! [`StoreEvent::Connected`] comes before every entry that is not in the inbox it announces, and its entries come by
//! growing [`Seq`]. Nothing is answered before it is durable.
//!
//! There are two, and the contract suite (`tests/it/contract/store`) holds both to the same promises. Where they differ:
//!
//! | | [`sqlite`] | [`redis`] |
//! |---|---|---|
//! | who gives the order | one writer: one order for everything | the scripts of each shard: one order for each shard; a device is in one for ever |
//! | [`Seq`] | of the store | of a shard, follows its clock; those of two shards are not comparable |
//! | a message | whole or not at all | whole for each inbox; one shard may have it where another failed |
//! | messages that were sent together | kept together or not at all; nothing comes between them | each by itself; a device that connects meanwhile may get some of those for other rooms first |
//! | entries and the answer of an append | come in the same batch | each in its own time, also behind one another |
//! | one message is | one entry for each worker | one for each shard and worker |
//! | loss on the way | none | noticed: [`StoreEvent::Missed`], and the entries are read |
//! | a device that vanishes | never while it has a session | [`StoreEvent::Lost`] |
//! | durable is | what `durability` says | what the server's `appendfsync` says, and `redis.waitReplicas` |
//! | [`StoreError::Unavailable`] | never | no answer in time, or not from all shards; perhaps kept all the same |
//! | counters | of this moment | as old as the last look at each shard: up to a third of a lease; over all nodes |
//! | sessions that end with the process | at once, when it is opened again | after the lease, by the ticks of any node |
//!
//! What must not live here: sockets, HTTP, who is allowed to do what.

use std::sync::Arc;

pub use crate::domain::Page;
use crate::domain::{
    DeviceKey, DeviceNo, Event, Message, Receipt, ReplyTo, Room, Seq, SessionRef, SiteName, WorkerId,
};

#[cfg(not(shuttle))]
pub mod moving;
#[cfg(not(shuttle))]
pub mod redis;
#[cfg(not(shuttle))]
pub mod sqlite;

/// Keeps devices and their inboxes. Methods hand a command over and return at once.
pub trait Store: Send + Sync {
    /// Finds or makes the device, replaces its rooms, counts the session as one of its live ones, and answers
    /// with [`StoreEvent::Connected`] (or [`StoreEvent::ConnectFailed`]) on the session's worker.
    fn connect(&self, connect: Connect);

    /// Resolves the recipients of a message and appends it to their inboxes. Answers with
    /// [`StoreEvent::Appended`] on the worker that asked, and with a [`StoreEvent::Entry`] (one for each shard) on each
    /// worker, of any node, that carries one of the recipients.
    fn append(&self, append: Append);

    /// [`Store::append`] for each of these, with one answer for all, [`StoreEvent::AppendedAll`]. A device's inbox gets them
    /// in this order. Where too much waits already, none is taken.
    fn append_all(&self, appends: AppendAll);

    /// Takes entries out of inboxes. What was not published yet is not meant by any ack. Nobody waits for it: a crash may
    /// forget the acks of the last second, and their entries are then delivered again. On Redis the same goes for a
    /// crash of the server, and acks wait while it is away.
    fn acknowledge(&self, acks: Vec<Ack>);

    /// Reads on in an inbox: answers with [`StoreEvent::Page`] on the session's worker, also for a device that the
    /// store does not know (an empty page). One at a time for each session. Not answered once the store is closed.
    ///
    /// Other events may overtake the answer: an entry that came before it may stand in it, too (`Seq` tells).
    fn read(&self, read: Read);

    /// Ends a session of a device; with its last one the device is away and its expiry begins. Also undoes a
    /// [`Store::connect`] that was not answered yet, since commands keep their order.
    fn disconnect(&self, disconnect: Disconnect);

    /// Why the store cannot take messages at the moment, if so.
    ///
    /// # Errors
    /// [`StoreError`] with the reason.
    fn health(&self) -> Result<(), StoreError>;

    /// What the store has counted since it was started, and holds now.
    fn counters(&self) -> Counters;

    /// Carries out what was handed over, writes everything back, and stops. Commands that come later are
    /// answered with [`StoreError::Closed`]. Blocks until done, for at most some seconds where a server does not answer:
    /// call it where blocking is allowed.
    fn close(&self);
}

/// Where a store's answers go: one call per worker and commit, never blocking.
pub trait Outlet: Send + Sync {
    /// Hands `events` to `worker`, in this order and behind all earlier ones.
    fn deliver(&self, worker: WorkerId, events: Vec<StoreEvent>);
}

/// A session of a device begins.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The session.
    pub session: SessionRef,
    /// Its device.
    pub device: DeviceKey,
    /// All rooms of the device, sorted; they replace what was stored.
    pub rooms: Vec<Room>,
    /// Bounds of the first page.
    pub limit: PageLimit,
}

/// How much one page may hold. A page holds at least one entry, however large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Entries.
    pub entries: usize,
    /// Bytes of events, added up.
    pub bytes: usize,
}

/// A message to be kept.
#[derive(Debug, Clone)]
pub struct Append {
    /// Who waits for the answer.
    pub reply: ReplyTo,
    /// The message.
    pub message: Arc<Message>,
}

/// Messages to be kept that were sent together.
#[derive(Debug, Clone)]
pub struct AppendAll {
    /// Who waits for the answer.
    pub reply: ReplyTo,
    /// The messages, all of one site; at least one.
    pub messages: Vec<Arc<Message>>,
}

/// An acknowledgement by a device. Each may come at any time, any number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// One entry. When its message has `resync` and an older entry of the inbox is still waiting, the inbox is
    /// cleared and the device owes nothing but a `_resync`.
    Entry(DeviceNo, Seq),
    /// As `Entry`, while the session that acknowledges has a `_batch` under way that ends with the second number:
    /// a client works through a batch before it acknowledges it, so its entries do not count as older ones.
    EntryBehindBatch(DeviceNo, Seq, Seq),
    /// Every entry up to and with this one (a `_batch` was acknowledged). Never causes a resync.
    Through(DeviceNo, Seq),
    /// The `_resync` for what was cleared up to and with this entry has reached the client. One that has become due
    /// since is still owed.
    Resynced(DeviceNo, Seq),
}

/// Read on in an inbox.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// The session that asks.
    pub session: SessionRef,
    /// The device.
    pub device: DeviceNo,
    /// Entries after this one.
    pub after: Seq,
    /// Bounds of the page.
    pub limit: PageLimit,
}

/// A session of a device ended.
#[derive(Debug, Clone, Copy)]
pub struct Disconnect {
    /// The session, as it connected.
    pub session: SessionRef,
}

/// What a store tells a worker.
#[derive(Debug, Clone)]
pub enum StoreEvent {
    /// The session's device is registered; every entry after `page.through` will come as an `Entry`.
    Connected {
        /// The session.
        session: SessionRef,
        /// The number of its device.
        device: DeviceNo,
        /// The inbox from its beginning, up to the limit of the connect. The embedded store gives none of a long one
        /// (above 16 entries or 64 KiB, or that limit): `more`, and `through` of 0, and the session reads on from there.
        /// Redis gives up to 256 entries. Entries that come live may stand in one of those pages too; `Seq` tells.
        page: Page,
    },
    /// The device could not be registered.
    ConnectFailed {
        /// The session.
        session: SessionRef,
        /// Why.
        error: StoreError,
    },
    /// The answer to a [`Read`].
    Page {
        /// The session that asked.
        session: SessionRef,
        /// What was found.
        page: Page,
    },
    /// A new entry.
    Entry {
        /// Its place in the order.
        seq: Seq,
        /// The site of the message and of its recipients.
        site: SiteName,
        /// What the clients will see.
        event: Event,
        /// All its recipients (on Redis those in one shard with sessions on this node), sorted, also those that this
        /// worker does not carry. Messages for the same room share one list as long as the room does not change.
        devices: Arc<[DeviceNo]>,
    },
    /// The answer to an [`Append`].
    Appended {
        /// As in [`ReplyTo`].
        token: u32,
        /// What became of it; an error means that nothing was kept, but for [`StoreError::Unavailable`].
        outcome: Result<Receipt, StoreError>,
    },
    /// The answer to an [`AppendAll`].
    AppendedAll {
        /// As in [`ReplyTo`].
        token: u32,
        /// What became of each, in their order; errors as in `Appended`.
        outcomes: Vec<Result<Receipt, StoreError>>,
    },
    /// Entries for the session's device may have been missed on the way to this node: it has to read on behind the
    /// last one it has. Never from the embedded store.
    Missed {
        /// The session.
        session: SessionRef,
    },
    /// The store does not know the session's device any more (this node was taken for dead for longer than the ttl, or
    /// the store lost what it had): the session has to end, so that its client connects anew. Never from the
    /// embedded store.
    Lost {
        /// The session.
        session: SessionRef,
    },
    /// The device's inbox was cleared up to and with `through`; it must be told `_resync`.
    Resync {
        /// The device.
        device: DeviceNo,
        /// The last entry that was cleared.
        through: Seq,
    },
}

/// Why a store did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is stopping or stopped.
    #[error("the store is closed")]
    Closed,
    /// Too much is waiting to be written.
    #[error("the store is overloaded")]
    Overloaded,
    /// It cannot be reached, or does not answer, at the moment; the text says why. What was under way may have been
    /// kept all the same.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The write failed; the text says why (disk full, read-only, corrupt).
    #[error("the store cannot write: {0}")]
    Write(String),
    /// It could not be opened.
    #[error("the store cannot be opened: {0}")]
    Open(String),
}

/// What a store has counted. Of entries, not messages: `accepted = acked + expired + resynced + dropped + queued`
/// at every moment between two commits, with the entries found at start counted as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Entries appended to inboxes, and those found at start.
    pub accepted: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Gone with a device that was away for longer than its ttl.
    pub expired: u64,
    /// Cleared and replaced by a `_resync`.
    pub resynced: u64,
    /// Dropped by the policy `dropOldest`.
    pub dropped: u64,
    /// Waiting in inboxes now.
    pub queued: u64,
    /// Devices known now.
    pub devices: u64,
    /// Of those, devices with a live session.
    pub online: u64,
    /// Acks that came while too many waited, and were forgotten: their entries come again. Outside of the balance.
    pub acks_forgotten: u64,
}

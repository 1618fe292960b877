//! Moving: everything a store keeps goes into another one, while no gateway runs on either.
//!
//! A [`Source`] gives its devices, then its messages in the order in which each inbox has them; a [`Target`] takes both and
//! numbers them anew. Everything goes by in pieces: neither side ever holds more than a piece of the bodies, and a message
//! for ten thousand devices is one body. The source stays as it was. The target must be empty, and no gateway takes it
//! for a store before [`Target::finish`].
//!
//! What must not live here: what one store does in a way of its own.

mod carry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use carry::carry;

use crate::domain::{DeviceKey, DeviceNo, Event, Room};

/// How many devices go by in one piece, at most.
pub const PIECE_DEVICES: usize = 1_000;
/// How many messages go by in one piece, at most.
pub const PIECE_MESSAGES: usize = 500;
/// A piece of messages ends with the one that brings it to so many bytes of events.
pub const PIECE_BYTES: usize = 1 << 20;

/// A store that is moved from. It is only read.
pub trait Source {
    /// Counts what there is.
    ///
    /// # Errors
    /// [`MoveError`].
    fn census(&mut self) -> Result<Census, MoveError>;

    /// The next devices, in the order in which they came to the store; none after the last.
    ///
    /// # Errors
    /// [`MoveError`].
    fn devices(&mut self) -> Result<Vec<MovedDevice>, MoveError>;

    /// The next messages; none after the last. Only asked once all devices have gone by. Of any two for the same device
    /// the older one comes first.
    ///
    /// # Errors
    /// [`MoveError`].
    fn messages(&mut self) -> Result<Vec<MovedMessage>, MoveError>;

    /// Whether the source is still as it was: nobody used it meanwhile.
    ///
    /// # Errors
    /// [`MoveError`].
    fn unchanged(&mut self) -> Result<(), MoveError>;
}

/// A store that is moved to. It was empty.
pub trait Target {
    /// Takes devices. They are away from now on.
    ///
    /// # Errors
    /// [`MoveError`].
    fn devices(&mut self, devices: Vec<MovedDevice>) -> Result<(), MoveError>;

    /// Takes messages for devices that it has.
    ///
    /// # Errors
    /// [`MoveError`].
    fn messages(&mut self, messages: Vec<MovedMessage>) -> Result<(), MoveError>;

    /// Writes what it still holds back. Into how many bodies the messages went: a store may need several for one.
    ///
    /// # Errors
    /// [`MoveError`].
    fn settle(&mut self) -> Result<u64, MoveError>;

    /// Reads back and counts what there is.
    ///
    /// # Errors
    /// [`MoveError`].
    fn census(&mut self) -> Result<Census, MoveError>;

    /// Everything is there: from now on gateways may use it.
    ///
    /// # Errors
    /// [`MoveError`].
    fn finish(&mut self) -> Result<(), MoveError>;

    /// What somebody has to do before a move can begin again, when this one has failed.
    fn cleaning(&self) -> String;
}

/// A device on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedDevice {
    /// What the source calls it; the messages name it by this.
    pub no: DeviceNo,
    /// Who it is.
    pub key: DeviceKey,
    /// All its rooms, sorted.
    pub rooms: Vec<Room>,
    /// Its inbox was cleared, and it has not confirmed the `_resync`.
    pub owes_resync: bool,
    /// How long it is still remembered. From a source, `None`: it states no end. To a target, `None`: for ever.
    pub left: Option<Duration>,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedMessage {
    /// What the clients will see.
    pub event: Event,
    /// Acknowledged out of order it makes the device resync.
    pub resync: bool,
    /// The devices it waits for, each once, as the source calls them.
    pub devices: Vec<DeviceNo>,
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Devices.
    pub devices: u64,
    /// Of those, devices that owe a `_resync`.
    pub resyncs: u64,
    /// Messages that wait, as bodies.
    pub messages: u64,
    /// Entries of all inboxes.
    pub entries: u64,
    /// Bytes of events, added up over all entries.
    pub bytes: u64,
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The source is being counted.
    Counting,
    /// Devices go by.
    Devices,
    /// Messages go by.
    Messages,
    /// The target is read back.
    Verifying,
}

/// How far a move is, and how much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// What has gone by.
    pub done: Census,
    /// What there is.
    pub all: Census,
}

/// Why a move was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// It did not begin: nothing was changed. The text names the mend.
    #[error("{0}")]
    Refused(String),
    /// It went wrong.
    #[error("{0}")]
    Failed(String),
}

impl MoveError {
    /// It went wrong at `place`.
    pub(super) fn at(place: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::Failed(format!("{place}: {error}"))
    }
}

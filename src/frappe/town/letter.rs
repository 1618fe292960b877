//! What the Postrooms of a bench tell each other, on a channel of the bench's Redis: JSON, in the form of version 1 (the
//! channel's name has the number).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::notice::Notice;

/// A letter of one Postroom to all.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::frappe) struct Letter {
    /// Who wrote it.
    pub(in crate::frappe) node: u64,
    /// What it says.
    pub(in crate::frappe) say: Say,
}

/// What is said.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::frappe) enum Say {
    /// The writer is there.
    Alive,
    /// The writer has just come, or has missed something: all others call their roll.
    Hello,
    /// Something has changed at a place.
    Viewers {
        stay: Stay,
        /// Whose doing it is.
        by: Option<Arc<str>>,
    },
    /// All places where the writer has viewers: a piece of the roll. Behind the last one, what it did not name is no more.
    Roll { stays: Vec<Stay>, begins: bool, ends: bool },
    /// An event for a room.
    Relay { site: String, room: String, event: Box<RawValue> },
}

/// The viewers that the writer has at a place, all of them: user, and when it connected (microseconds).
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::frappe) struct Stay {
    pub(in crate::frappe) site: String,
    pub(in crate::frappe) room: String,
    pub(in crate::frappe) viewers: Vec<(Arc<str>, u64)>,
    pub(in crate::frappe) notices: Vec<Notice>,
}

impl Letter {
    pub(in crate::frappe) fn to_json(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    /// `None` where it is none that is understood here: a later version may say more.
    pub(in crate::frappe) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

//! What the viewers of a place are told when they change.

use std::sync::Arc;

use ahash::AHashSet;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::presence::Place;
use crate::domain::Event;
use crate::frappe::rules::Filled;

/// What is said to the viewers of a place. Neighbours tell each other, since each knows only those that its own clients
/// asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::frappe) enum Notice {
    /// `doc_viewers`: who has a document open.
    Doc {
        /// Its type.
        doctype: String,
        /// Its name.
        docname: String,
    },
    /// What the rule of an app says.
    App {
        /// The event.
        event: Box<str>,
        /// The room that hears it.
        room: Box<str>,
        /// Its argument, but for the users.
        payload: Filled,
    },
}

impl Notice {
    /// The event, for these viewers: in the order in which they connected, one for each session.
    pub(super) fn event(&self, viewers: &[Arc<str>]) -> Option<Event> {
        let users = unique(viewers);
        let json = match self {
            Self::Doc { doctype, docname } => {
                json!(["doc_viewers", {"doctype": doctype, "docname": docname, "users": users}])
            }
            Self::App { event, payload, .. } => json!([event, payload.json(&users)]),
        };
        Some(Event::stored(Bytes::from(serde_json::to_vec(&json).ok()?)))
    }

    /// The room that hears it.
    pub(super) fn room<'a>(&'a self, place: &'a Place) -> &'a str {
        match self {
            Self::Doc { .. } => place.room.as_str(),
            Self::App { room, .. } => room,
        }
    }

    /// Who is alone with a document needs not be told of itself.
    pub(super) fn is_for_one(&self) -> bool {
        matches!(self, Self::App { .. })
    }

    /// Whether it says anew what another one says.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::App { event, room, .. }, Self::App { event: of_other, room: in_other, .. }) => {
                event == of_other && room == in_other
            }
            _ => self == other,
        }
    }
}

/// Each user once, in the order in which they come first.
pub(super) fn unique(viewers: &[Arc<str>]) -> Vec<&str> {
    let mut seen = AHashSet::new();
    viewers.iter().map(|viewer| &**viewer).filter(|user| seen.insert(*user)).collect()
}

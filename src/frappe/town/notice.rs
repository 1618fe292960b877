//! What the viewers of a place are told when they change.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::Event;

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
}

impl Notice {
    /// The event, for these viewers: in the order in which they connected, one for each session.
    pub(super) fn event(&self, viewers: &[Arc<str>]) -> Option<Event> {
        let users = unique(viewers);
        let json = match self {
            Self::Doc { doctype, docname } => {
                json!(["doc_viewers", {"doctype": doctype, "docname": docname, "users": users}])
            }
        };
        Some(Event::stored(Bytes::from(serde_json::to_vec(&json).ok()?)))
    }
}

/// Each user once, in the order in which they come first.
fn unique(viewers: &[Arc<str>]) -> Vec<&str> {
    let mut users: Vec<&str> = Vec::new();
    for viewer in viewers {
        if !users.contains(&&**viewer) {
            users.push(viewer);
        }
    }
    users
}

//! What clients of a Frappe site may say beyond what Frappe itself knows: rules for the events of apps, and a method of the
//! site that is asked about all others.

mod faults;
mod rooms;
mod template;

use std::collections::BTreeMap;

pub use faults::RuleFault;
pub use rooms::RoomKind;
pub use template::{Payload, Piece, RoomTemplate, TemplateError, Text, WORDS, Word};

/// Events that need no rule: they are Frappe's own.
pub const FRAPPE_EVENTS: [&str; 11] = [
    "ping",
    "doctype_subscribe",
    "doctype_unsubscribe",
    "doc_subscribe",
    "doc_unsubscribe",
    "doc_open",
    "doc_close",
    "task_subscribe",
    "progress_subscribe",
    "task_unsubscribe",
    "open_in_editor",
];

/// The events of a site's apps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AppEvents {
    /// By the name of the event.
    pub rules: BTreeMap<Box<str>, AppEvent>,
    /// What happens with the others.
    pub hook: Option<EventHook>,
}

/// What an event means.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AppEvent {
    /// It counts only where this app is installed.
    pub app: Option<Box<str>>,
    /// It counts also from those who have not logged in.
    pub guests: bool,
    /// The names of its arguments.
    pub args: Vec<Box<str>>,
    /// It counts only from those who are in this room.
    pub must_be_in: Option<RoomTemplate>,
    /// It counts only if the site says so.
    pub gate: Option<Gate>,
    /// The room that the client leaves.
    pub leave: Option<RoomTemplate>,
    /// The room that the client joins.
    pub join: Option<RoomTemplate>,
    /// Who is in the joined room is followed, on all nodes.
    pub watch: bool,
    /// The room whose users are named, where it is another one than that which is joined.
    pub users_of: Option<RoomTemplate>,
    /// What is told to whom.
    pub relays: Vec<Relay>,
}

/// What a site is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Gate {
    /// Whether the client may see a document, or, without a name, the documents of a type.
    Permission {
        /// Its type.
        doctype: Text,
        /// Its name.
        name: Option<Text>,
    },
    /// A method of an app; what it answers must be true, as JavaScript sees it.
    Call {
        /// The method, with the modules that lead to it.
        method: Box<str>,
        /// Its arguments.
        args: Vec<(Box<str>, Text)>,
    },
}

/// An event that follows from an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Relay {
    /// Its name.
    pub event: Box<str>,
    /// Who hears it.
    pub to: Target,
    /// Not the client itself.
    pub others: bool,
    /// Its argument, if it has one.
    pub payload: Option<Payload>,
}

/// Who hears an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The client that has spoken.
    Caller,
    /// Everybody in a room.
    Room(RoomTemplate),
}

/// A method of the site that is asked what an event means.
#[derive(Debug, Clone, PartialEq)]
pub struct EventHook {
    /// The method, with the modules that lead to it.
    pub method: Box<str>,
    /// It counts only where this app is installed.
    pub app: Option<Box<str>>,
    /// Also events of those who have not logged in.
    pub guests: bool,
    /// Which events.
    pub events: HookedEvents,
    /// On whose behalf it is called, and how.
    pub calling: HookCalling,
}

/// The events that a hook hears of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookedEvents {
    /// All that have no rule.
    All,
    /// These.
    Named(Vec<Box<str>>),
}

/// How a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HookCalling {
    /// As the client: POST with a token. GET with a cookie, since Frappe takes no POST with a cookie from elsewhere than its own pages.
    #[default]
    AsClient,
    /// As the client, with GET.
    AsClientByGet,
    /// As nobody, with POST and the secret of the bench, and with nothing where the bench has none.
    BySecret,
}

impl AppEvents {
    /// Whether there is anything that an event of an app could mean.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.hook.is_none()
    }
}

impl AppEvent {
    /// Whether its relays say who is in the room that it joins, and so go out again whenever that changes.
    #[must_use]
    pub fn follows_users(&self) -> bool {
        self.join.is_some() && self.users_of.is_none() && self.relays.iter().any(Relay::names_users)
    }
}

impl Relay {
    /// Whether it says who is in a room.
    #[must_use]
    pub fn names_users(&self) -> bool {
        self.words().into_iter().any(Word::names_users)
    }

    /// All words of its payload.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        self.payload.as_ref().map(Payload::words).unwrap_or_default()
    }
}

impl EventHook {
    /// Whether it hears of this event.
    #[must_use]
    pub fn hears(&self, event: &str) -> bool {
        match &self.events {
            HookedEvents::All => true,
            HookedEvents::Named(names) => names.iter().any(|name| &**name == event),
        }
    }
}

//! What a rule makes of an event.

use super::Facts;
use super::fill::{Filled, plain};
use super::hook::fits_address;
use crate::domain::Room;
use crate::domain::app_events::{AppEvent, Gate, Relay, RoomKind, RoomTemplate, Target};
use crate::frappe::said::{Doc, type_room};
use crate::frappe::town::Notice;

/// Longest name of a room, in bytes; the gateway takes no longer one.
const LONGEST: usize = 1_024;

/// What is to be done about an event, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::frappe) struct Plan {
    /// Nothing, unless the client is in this room.
    pub(in crate::frappe) must_be_in: Option<Room>,
    /// Nothing, unless the site says yes.
    pub(in crate::frappe) ask: Option<Ask>,
    pub(in crate::frappe) leave: Option<Room>,
    pub(in crate::frappe) join: Option<Join>,
    pub(in crate::frappe) sayings: Vec<Saying>,
}

/// A question to the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::frappe) enum Ask {
    /// May the client see this?
    Permission { doctype: String, name: Option<String> },
    /// A method with arguments.
    Call { method: String, args: Vec<(String, String)> },
}

/// A room to join.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::frappe) struct Join {
    pub(in crate::frappe) room: Room,
    /// Who is there is followed; this is told whenever it changes.
    pub(in crate::frappe) watch: Option<Vec<Notice>>,
}

/// Something to tell once.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::frappe) struct Saying {
    pub(in crate::frappe) event: Box<str>,
    pub(in crate::frappe) to: Hearers,
    pub(in crate::frappe) payload: Option<Filled>,
    /// Whose users are told.
    pub(in crate::frappe) users_of: Option<Room>,
}

/// Who hears something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::frappe) enum Hearers {
    /// The client that has spoken.
    Caller,
    /// A room, perhaps without the client itself.
    Room { room: Room, others: bool },
}

/// What the rule makes of the event; `None` where the event means nothing: an argument is missing or no text, or the rooms
/// that come of it are none that the rule may name.
pub(in crate::frappe) fn plan(rule: &AppEvent, facts: &Facts<'_>) -> Option<Plan> {
    let room = |template: &Option<RoomTemplate>| match template {
        Some(template) => room(template, facts).map(Some),
        None => Some(None),
    };
    let ask = match &rule.gate {
        Some(gate) => Some(ask(gate, facts)?),
        None => None,
    };
    let (must_be_in, leave, users_of) = (room(&rule.must_be_in)?, room(&rule.leave)?, room(&rule.users_of)?);
    let join = room(&rule.join)?;
    let may_join = join.as_ref().is_none_or(|join| may_join(join, ask.as_ref()));
    if !may_join || !speaks_of_what_is_asked(rule, facts, ask.as_ref()) {
        return None;
    }
    let (mut notices, mut sayings) = (Vec::new(), Vec::new());
    for relay in &rule.relays {
        let saying = saying(relay, facts, users_of.as_ref())?;
        if rule.follows_users() && relay.names_users() {
            notices.extend(notice(saying));
        } else {
            sayings.push(saying);
        }
    }
    let join = join.map(|room| {
        // Who looks at a document is told to all who do, in whatever way they came.
        let is_looked_at = RoomKind::of(room.as_str()) == RoomKind::OpenDoc;
        let watch = (rule.watch || is_looked_at || !notices.is_empty()).then_some(notices);
        Join { room, watch }
    });
    Some(Plan { must_be_in, ask, leave, join, sayings })
}

fn room(template: &RoomTemplate, facts: &Facts<'_>) -> Option<Room> {
    let name = plain(template.text(), facts)?;
    let is_its_own = RoomKind::of(&name) == template.kind() && name.len() <= LONGEST;
    is_its_own.then(|| Room::stored(&name))
}

fn ask(gate: &Gate, facts: &Facts<'_>) -> Option<Ask> {
    match gate {
        Gate::Permission { doctype, name } => {
            let doctype = plain(doctype, facts)?;
            let name = match name {
                Some(name) => Some(plain(name, facts)?),
                None => None,
            };
            fits_address(&[("doctype", &doctype), ("name", name.as_deref().unwrap_or_default())])
                .then_some(Ask::Permission { doctype, name })
        }
        Gate::Call { method, args } => {
            let args = args.iter().map(|(name, text)| Some((String::from(&**name), plain(text, facts)?)));
            let args: Vec<(String, String)> = args.collect::<Option<_>>()?;
            let fields: Vec<(&str, &str)> = args.iter().map(|(name, text)| (&**name, &**text)).collect();
            fits_address(&fields).then(|| Ask::Call { method: String::from(&**method), args })
        }
    }
}

/// A room of Frappe's own is joined by those alone who may see what it is about.
fn may_join(room: &Room, ask: Option<&Ask>) -> bool {
    let kind = RoomKind::of(room.as_str());
    if kind.is_given() {
        return false;
    }
    if !kind.needs_permission() {
        return true;
    }
    match ask {
        None => false,
        Some(Ask::Call { .. }) => true,
        Some(Ask::Permission { doctype, name: None }) => *room == type_room(doctype),
        Some(Ask::Permission { doctype, name: Some(name) }) => {
            let doc = Doc { doctype: doctype.clone(), name: name.clone() };
            *room == doc.room() || *room == doc.open_room()
        }
    }
}

/// A client that chooses documents whose viewers hear it, or are told to it, chooses those it was allowed to see, and no others.
fn speaks_of_what_is_asked(rule: &AppEvent, facts: &Facts<'_>, ask: Option<&Ask>) -> bool {
    let heard = rule.relays.iter().filter_map(|relay| match &relay.to {
        Target::Room(template) => Some(template),
        Target::Caller => None,
    });
    let mut chosen = heard
        .chain(&rule.users_of)
        .filter(|template| template.is_chosen() && template.kind().needs_permission());
    let allows = |template| room(template, facts).is_some_and(|room| may_join(&room, ask));
    rule.must_be_in.is_some() || chosen.all(allows)
}

fn saying(relay: &Relay, facts: &Facts<'_>, users_of: Option<&Room>) -> Option<Saying> {
    let to = match &relay.to {
        Target::Caller => Hearers::Caller,
        Target::Room(template) => Hearers::Room { room: room(template, facts)?, others: relay.others },
    };
    let payload = match &relay.payload {
        Some(payload) => Some(Filled::of(payload, facts)?),
        None => None,
    };
    let users_of = users_of.filter(|_| relay.names_users()).cloned();
    Some(Saying { event: relay.event.clone(), to, payload, users_of })
}

/// What is told whenever the users of a room change.
fn notice(saying: Saying) -> Option<Notice> {
    match saying.to {
        Hearers::Room { room, .. } => {
            let (event, room) = (saying.event, room.as_str().into());
            Some(Notice::App { event, room, payload: saying.payload? })
        }
        Hearers::Caller => None,
    }
}

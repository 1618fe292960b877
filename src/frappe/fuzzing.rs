//! What the fuzz targets may see of this room: what clients and neighbours say, and who is let in.

use super::door::{Knock, check};
use super::rules::{Ask, Facts, Filled, Hearers, Orders, plan};
use super::said::{self, Said};
use super::town::Notice;
use super::town::letter::Letter;
use crate::domain::Site;
use crate::domain::app_events::AppEvent;
use crate::protocol::frappe::Credential;

/// Whether a client with these headers may knock; what it proves itself with, or what it is told. In order: site name, host,
/// forwarded host, origin, cookie, authorization, token.
pub fn knock(site: &Site, words: &[Option<&str>; 7], tokens_only: bool) -> Result<Credential, &'static str> {
    let [site_name, host, forwarded_host, origin, cookie, authorization, token] = *words;
    let knock = Knock { site_name, host, forwarded_host, origin, cookie, authorization, token, tokens_only };
    check(site, &knock).map_err(|denial| denial.text)
}

/// Whether an event is read at all; what it comes to.
pub fn said(json: &str) -> Option<String> {
    said::read(json).ok().map(|said| format!("{said:?}"))
}

/// A letter of a neighbour, written again.
pub fn letter(json: &[u8]) -> Option<Vec<u8>> {
    Letter::read(json)?.to_json()
}

/// What a rule makes of an event.
pub struct Planned {
    /// The room that is joined.
    pub join: Option<String>,
    /// The room that is left.
    pub leave: Option<String>,
    /// The rooms in which something is heard of it.
    pub heard_in: Vec<String>,
    /// The document, or the type, for which permission is asked.
    pub permission: Option<(String, Option<String>)>,
    /// Whether a method decides.
    pub is_called: bool,
    /// Bytes of the longest payload.
    pub longest: usize,
}

/// What a rule makes of an event, given as its JSON array; `None` where that means nothing.
pub fn planned(rule: &AppEvent, json: &str) -> Option<Planned> {
    let Ok(Said::Other(_, args)) = said::read(json) else { return None };
    let plan = plan(rule, &Facts { user: "ann@example.com", site: "site1.local", args: &args })?;
    let (permission, is_called) = match plan.ask {
        Some(Ask::Permission { doctype, name }) => (Some((doctype, name)), false),
        Some(Ask::Call { .. }) => (None, true),
        None => (None, false),
    };
    let (mut heard_in, mut longest) = (Vec::new(), 0);
    let mut measure =
        |payload: &Filled| longest = longest.max(payload.json(&["ann", "bob"]).to_string().len());
    for saying in &plan.sayings {
        saying.payload.iter().for_each(&mut measure);
        if let Hearers::Room { room, .. } = &saying.to {
            heard_in.push(room.as_str().to_owned());
        }
    }
    for notice in plan.join.iter().flat_map(|join| &join.watch).flatten() {
        if let Notice::App { room, payload, .. } = notice {
            measure(payload);
            heard_in.push(String::from(&**room));
        }
    }
    let name = |room: crate::domain::Room| room.as_str().to_owned();
    let (join, leave) = (plan.join.map(|join| name(join.room)), plan.leave.map(name));
    Some(Planned { join, leave, heard_in, permission, is_called, longest })
}

/// Whether an answer of a hook is read.
pub fn orders(json: &str) -> bool {
    serde_json::from_str(json).is_ok_and(|message| Orders::read(message).is_ok())
}

//! `eventHook`: the method that is asked about events without a rule.

use super::super::problem::Findings;
use super::super::value;
use super::check_name;
use super::table::{Table, Wrong, app, method};
use crate::domain::app_events::{EventHook, HookCalling, HookedEvents};

const KEYS: [&str; 6] = ["method", "app", "guests", "events", "credentials", "httpMethod"];

/// On whose behalf.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behalf {
    Client,
    Nobody,
}

/// With which method of HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
}

/// Reads a hook, reporting what is wrong. `None` only where something is.
pub(super) fn read(table: &Table<'_>, findings: &mut Findings) -> Option<EventHook> {
    table.knows(&KEYS, findings);
    let method = table.need("method", findings, method);
    let app = table.text("app", findings, app);
    let guests = table.flag("guests", findings);
    let events = events(table, findings);
    let calling = calling(table, findings);
    Some(EventHook {
        method: method.ok()?,
        app: app.ok()?,
        guests: guests.ok()?,
        events: events.ok()?,
        calling: calling.ok()?,
    })
}

fn events(table: &Table<'_>, findings: &mut Findings) -> Result<HookedEvents, Wrong> {
    let texts = table.texts("events", findings)?;
    if texts.is_empty() {
        table.error("events", "is missing; name the events, or write `all`", findings);
        return Err(Wrong);
    }
    if let [(_, "all")] = texts.as_slice() {
        return Ok(HookedEvents::All);
    }
    let path = table.path_of("events");
    let names = texts.into_iter().map(|(place, name)| {
        check_name(name, &format!("{path}: {name}"), place, findings).map(|()| name.into()).ok_or(Wrong)
    });
    names.collect::<Vec<_>>().into_iter().collect::<Result<_, _>>().map(HookedEvents::Named)
}

fn calling(table: &Table<'_>, findings: &mut Findings) -> Result<HookCalling, Wrong> {
    let behalf = |text: &str| {
        value::one_of(text, &[("client", Behalf::Client), ("none", Behalf::Nobody)])
            .map_err(|wanted| format!("must be {wanted}"))
    };
    let verb = |text: &str| {
        value::one_of(text, &[("GET", Verb::Get), ("POST", Verb::Post)])
            .map_err(|wanted| format!("must be {wanted}"))
    };
    let behalf = table.text("credentials", findings, behalf);
    let verb = table.text("httpMethod", findings, verb);
    match (behalf?.unwrap_or(Behalf::Client), verb?) {
        (Behalf::Client, None) => Ok(HookCalling::AsClient),
        (Behalf::Client, Some(Verb::Get)) => Ok(HookCalling::AsClientByGet),
        (Behalf::Nobody, None | Some(Verb::Post)) => Ok(HookCalling::BySecret),
        (Behalf::Client, Some(Verb::Post)) => {
            let text = "does not go with the client's own credentials: Frappe takes no POST with a cookie but from its own \
                        pages. Delete it (then it is POST with a token, and GET with a cookie), or add `credentials: none`";
            table.error("httpMethod", text, findings);
            Err(Wrong)
        }
        (Behalf::Nobody, Some(Verb::Get)) => {
            table.error("httpMethod", "must be POST with `credentials: none`; delete it", findings);
            Err(Wrong)
        }
    }
}

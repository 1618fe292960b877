//! One rule: what an event means.

use super::super::problem::Findings;
use super::relay;
use super::table::{Table, Wrong, app, method};
use crate::domain::app_events::{AppEvent, Gate, RoomTemplate, Text, WORDS, Word};

const KEYS: [&str; 11] =
    ["app", "guests", "args", "mustBeIn", "permission", "call", "leave", "join", "watch", "usersOf", "relay"];

/// Arguments of methods that mean something to Frappe before the method has them. With `sid` a client would say whose session it is.
const FRAPPES_OWN: [&str; 2] = ["sid", "cmd"];

type Args = [Box<str>];

/// Reads a rule, reporting what is wrong. `None` only where something is.
pub(super) fn read(table: &Table<'_>, findings: &mut Findings) -> Option<AppEvent> {
    let before = findings.errors();
    table.knows(&KEYS, findings);
    let all_known = findings.errors() == before;
    let app = table.text("app", findings, app);
    let guests = table.flag("guests", findings);
    let watch = table.flag("watch", findings);
    // What follows speaks of them: without them all of it would look wrong.
    let args = args(table, findings).ok()?;
    let must_be_in = room(table, "mustBeIn", &args, findings);
    let gate = gate(table, &args, findings);
    let leave = room(table, "leave", &args, findings);
    let join = room(table, "join", &args, findings);
    let users_of = room(table, "usersOf", &args, findings);
    let relays = relay::read_all(table, &args, findings);
    let rule = AppEvent {
        app: app.ok()?,
        guests: guests.ok()?,
        must_be_in: must_be_in.ok()?,
        gate: gate.ok()?,
        leave: leave.ok()?,
        join: join.ok()?,
        watch: watch.ok()?,
        users_of: users_of.ok()?,
        relays: relays.ok()?,
        args,
    };
    if !all_known {
        // What was meant is missing, and would be said to be.
        return None;
    }
    let faults = rule.faults();
    for fault in &faults {
        table.error(fault.key(), fault.to_string(), findings);
    }
    faults.is_empty().then_some(rule)
}

fn args(table: &Table<'_>, findings: &mut Findings) -> Result<Vec<Box<str>>, Wrong> {
    let mut args: Vec<Box<str>> = Vec::new();
    for (place, name) in table.texts("args", findings)? {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let text = match () {
            () if !plain => "must be names of letters, digits and `_`",
            () if WORDS.iter().any(|(word, _)| *word == name) => {
                "has a name that stands for something else in templates; take another one"
            }
            () if args.iter().any(|known| &**known == name) => "has the same name twice",
            () => {
                args.push(name.into());
                continue;
            }
        };
        findings.error(place, table.path_of("args"), format!("`{name}` {text}"));
        return Err(Wrong);
    }
    Ok(args)
}

fn room(
    table: &Table<'_>,
    key: &str,
    args: &Args,
    findings: &mut Findings,
) -> Result<Option<RoomTemplate>, Wrong> {
    table.text(key, findings, |text| RoomTemplate::parse(text, args).map_err(|error| error.to_string()))
}

/// A template for a question to the site.
fn question(text: &str, args: &Args) -> Result<Text, String> {
    let text = Text::parse(text, args).map_err(|error| error.to_string())?;
    if text.words().any(Word::names_users) {
        return Err("must not name the users of a room".to_owned());
    }
    Ok(text)
}

fn gate(table: &Table<'_>, args: &Args, findings: &mut Findings) -> Result<Option<Gate>, Wrong> {
    let (permission, call) = (table.get("permission"), table.get("call"));
    if permission.is_some() && call.is_some() {
        table.error("call", "stands beside `permission`; one of the two decides: delete the other", findings);
        return Err(Wrong);
    }
    if let Some(entry) = permission {
        let table = Table::of(&table.path_of("permission"), entry, findings).ok_or(Wrong)?;
        table.knows(&["doctype", "name"], findings);
        let doctype = table.need("doctype", findings, |text| question(text, args));
        let name = table.text("name", findings, |text| question(text, args))?;
        return Ok(Some(Gate::Permission { doctype: doctype?, name }));
    }
    let Some(entry) = call else { return Ok(None) };
    let table = Table::of(&table.path_of("call"), entry, findings).ok_or(Wrong)?;
    table.knows(&["method", "args"], findings);
    let method = table.need("method", findings, method);
    let Some(entry) = table.get("args") else {
        return Ok(Some(Gate::Call { method: method?, args: Vec::new() }));
    };
    let given = Table::of(&table.path_of("args"), entry, findings).ok_or(Wrong)?;
    let args = given.entries.iter().map(|entry| {
        if FRAPPES_OWN.contains(&entry.key.as_str()) {
            let text = "is a name that Frappe itself takes out of every request: for the session, or the method. Take another one";
            given.error(&entry.key, text, findings);
            return Err(Wrong);
        }
        let text = given.need(&entry.key, findings, |text| question(text, args))?;
        Ok((entry.key.as_str().into(), text))
    });
    let args = args.collect::<Vec<_>>().into_iter().collect::<Result<_, _>>();
    Ok(Some(Gate::Call { method: method?, args: args? }))
}

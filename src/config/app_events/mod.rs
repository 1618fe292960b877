//! `appEvents` and `eventHook`: what the events of a site's apps mean. Nested deeper than other settings, and read by itself.
//!
//! Promise: what is read here can be carried out, and lets no client into rooms that nobody allows it.

mod hook;
mod relay;
mod rule;
mod table;

use super::problem::{Findings, Place};
use super::yaml::{Entry, Node};
use crate::domain::app_events::{AppEvents, FRAPPE_EVENTS};
use table::Table;

const RULES: &str = "appEvents";
const HOOK: &str = "eventHook";

/// What is written about the events of apps.
#[derive(Debug)]
pub(super) struct Written {
    /// What of it is in order.
    pub(super) events: AppEvents,
    /// The key that comes first, and where it stands.
    pub(super) first: (&'static str, Place),
}

/// Reads the keys in a section that stands among these entries, and takes them out of it.
pub(super) fn take_from(entries: &mut [Entry], section: &str, findings: &mut Findings) -> Option<Written> {
    let entry = entries.iter_mut().find(|entry| entry.key == section)?;
    let Node::Map(inner) = &mut entry.node else { return None };
    let (written, others) = take(inner, &format!("{section}."), findings);
    *inner = others;
    written
}

/// Reads the keys among those of a site, or of a section (then with its name and a dot before it); and what is left.
pub(super) fn take(
    entries: &[Entry],
    section: &str,
    findings: &mut Findings,
) -> (Option<Written>, Vec<Entry>) {
    let (mut events, mut first, mut others) = (AppEvents::default(), None, Vec::new());
    for entry in entries {
        let path = format!("{section}{}", entry.key);
        let key = match entry.key.as_str() {
            RULES => {
                events.rules = rules(&path, entry, findings);
                RULES
            }
            HOOK => {
                events.hook =
                    Table::of(&path, entry, findings).and_then(|table| hook::read(&table, findings));
                HOOK
            }
            _ => {
                others.push(entry.clone());
                continue;
            }
        };
        first.get_or_insert_with(|| (key, entry.place.clone()));
    }
    (first.map(|first| Written { events, first }), others)
}

type Rules = std::collections::BTreeMap<Box<str>, crate::domain::app_events::AppEvent>;

fn rules(path: &str, entry: &Entry, findings: &mut Findings) -> Rules {
    let Some(table) = Table::of(path, entry, findings) else { return Rules::new() };
    let rules = table.entries.iter().filter_map(|entry| {
        let path = format!("{path}.{}", entry.key);
        check_name(&entry.key, &path, &entry.place, findings)?;
        let rule = Table::of(&path, entry, findings)?;
        Some((entry.key.as_str().into(), rule::read(&rule, findings)?))
    });
    rules.collect()
}

/// Whether an event can have a meaning of its own.
fn check_name(event: &str, path: &str, place: &Place, findings: &mut Findings) -> Option<()> {
    if FRAPPE_EVENTS.contains(&event) {
        findings.error(
            place,
            path,
            "is an event of Frappe itself, which means what it always means; delete it",
        );
        return None;
    }
    if is_reserved(event) {
        findings.error(place, path, "is a name that Socket.IO keeps for itself: no client can send it");
        return None;
    }
    Some(())
}

fn is_reserved(event: &str) -> bool {
    crate::domain::RESERVED_EVENTS.contains(&event)
}

#[cfg(test)]
mod tests;

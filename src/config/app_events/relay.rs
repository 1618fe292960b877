//! What a rule tells to whom.

use super::super::problem::{Findings, Place};
use super::super::yaml::Node;
use super::table::{Table, Wrong, event, shown};
use crate::domain::app_events::{Payload, Relay, RoomTemplate, Target, Text};

/// Values in one payload, at most: it is made anew for each event.
const MOST: usize = 100;

/// The relays of a rule: one, or a list.
pub(super) fn read_all(
    rule: &Table<'_>,
    args: &[Box<str>],
    findings: &mut Findings,
) -> Result<Vec<Relay>, Wrong> {
    let Some(entry) = rule.get("relay") else { return Ok(Vec::new()) };
    let path = rule.path_of("relay");
    let items: Vec<(&Place, &Node)> = match &entry.node {
        Node::List(items) => items.iter().map(|(place, node)| (place, node)).collect(),
        one => vec![(&entry.place, one)],
    };
    let relays = items.into_iter().map(|(place, node)| {
        let table = Table::from(&path, place, node, findings).ok_or(Wrong)?;
        read(&table, args, findings)
    });
    relays.collect::<Vec<_>>().into_iter().collect()
}

fn read(table: &Table<'_>, args: &[Box<str>], findings: &mut Findings) -> Result<Relay, Wrong> {
    table.knows(&["event", "to", "others", "payload"], findings);
    let event = table.need("event", findings, event);
    let to = table.need("to", findings, |text| target(text, args));
    let others = table.flag("others", findings);
    let payload = payload(table, args, findings);
    let (to, others) = (to?, others?);
    if others && to == Target::Caller {
        table.error("others", "does not go with `to: self`: nobody would hear it", findings);
        return Err(Wrong);
    }
    Ok(Relay { event: event?, to, others, payload: payload? })
}

fn target(text: &str, args: &[Box<str>]) -> Result<Target, String> {
    if text == "self" {
        return Ok(Target::Caller);
    }
    RoomTemplate::parse(text, args).map(Target::Room).map_err(|error| error.to_string())
}

fn payload(table: &Table<'_>, args: &[Box<str>], findings: &mut Findings) -> Result<Option<Payload>, Wrong> {
    let Some(entry) = table.get("payload") else { return Ok(None) };
    let mut reading = Reading { path: table.path_of("payload"), args, left: MOST, findings };
    let payload = reading.node(&entry.place, &entry.node)?;
    Ok(Some(payload))
}

struct Reading<'a> {
    path: String,
    args: &'a [Box<str>],
    left: usize,
    findings: &'a mut Findings,
}

impl Reading<'_> {
    fn node(&mut self, place: &Place, node: &Node) -> Result<Payload, Wrong> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(self.wrong(place, format!("has more than {MOST} values")));
        };
        self.left = left;
        match node {
            Node::Null => Payload::constant("null").ok_or(Wrong),
            Node::Broken => Err(Wrong),
            Node::Scalar(scalar) => {
                let written = scalar.read_as.as_ref().unwrap_or(&scalar.text);
                let constant = if scalar.is_text { None } else { Payload::constant(written) };
                if let Some(constant) = constant {
                    return Ok(constant);
                }
                let text = Text::parse(&scalar.text, self.args);
                text.map(Payload::Text).map_err(|error| self.wrong(place, shown(scalar, error.to_string())))
            }
            Node::List(items) => {
                let items = items.iter().map(|(place, item)| self.node(place, item));
                items.collect::<Result<_, _>>().map(Payload::List)
            }
            Node::Map(entries) => {
                let fields = entries
                    .iter()
                    .map(|entry| Ok((entry.key.as_str().into(), self.node(&entry.place, &entry.node)?)));
                fields.collect::<Result<_, _>>().map(Payload::Object)
            }
        }
    }

    fn wrong(&mut self, place: &Place, text: String) -> Wrong {
        self.findings.error(place, &self.path, text);
        Wrong
    }
}

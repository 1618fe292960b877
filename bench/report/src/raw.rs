//! The raw results: one JSON object in a line, told apart by `kind`. What is not known is passed over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// All that a run left behind.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// How it was asked for: mode, rounds, seconds, commit.
    pub(crate) run: BTreeMap<String, String>,
    /// What it was measured on.
    pub(crate) machine: BTreeMap<String, String>,
    /// Who took part, in the order of the tables.
    pub(crate) peers: Vec<Peer>,
    /// Who could not be had.
    pub(crate) missing: Vec<Missing>,
    /// What was done, in the order of the report.
    pub(crate) workloads: Vec<Workload>,
    /// How many measurements were planned.
    pub(crate) planned: usize,
    /// What came of them.
    pub(crate) measured: Vec<Measured>,
    /// Those that failed.
    pub(crate) broken: Vec<Broken>,
}

/// A server that took part.
#[derive(Debug, Deserialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) settings: String,
    /// What it keeps of messages on a plain site.
    pub(crate) plain: String,
    /// The same on one with acknowledgements; empty: it has none.
    pub(crate) acked: String,
}

/// A server that could not be had.
#[derive(Debug, Deserialize)]
pub(crate) struct Missing {
    pub(crate) peer: String,
    pub(crate) title: String,
    pub(crate) reason: String,
}

/// A kind of work.
#[derive(Debug, Deserialize)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) does: String,
    pub(crate) options: String,
}

/// One measurement: the line of the load generator.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) peer: String,
    pub(crate) workload: String,
    pub(crate) round: u32,
    pub(crate) result: BTreeMap<String, Value>,
}

/// One measurement that failed.
#[derive(Debug, Deserialize)]
pub(crate) struct Broken {
    pub(crate) peer: String,
    pub(crate) workload: String,
    #[serde(deserialize_with = "number_or_text")]
    pub(crate) round: u32,
    pub(crate) reason: String,
}

impl Record {
    /// Reads the lines; an error names the first that cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut record = Self::default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            record.take(line).map_err(|why| format!("line {}: {why}", number + 1))?;
        }
        Ok(record)
    }

    fn take(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let value: Value = serde_json::from_str(line)?;
        match value.get("kind").and_then(Value::as_str).unwrap_or_default() {
            "run" => self.run = texts(&value),
            "machine" => self.machine = texts(&value),
            "plan" => {
                self.planned = texts(&value).get("measurements").and_then(|n| n.parse().ok()).unwrap_or(0);
            }
            "peer" => self.peers.push(serde_json::from_value(value)?),
            "missing" => self.missing.push(serde_json::from_value(value)?),
            "workload" => self.workloads.push(serde_json::from_value(value)?),
            "measured" => self.measured.push(serde_json::from_value(value)?),
            "broken" => self.broken.push(serde_json::from_value(value)?),
            _ => {}
        }
        Ok(())
    }

    /// The measurements of a peer in a workload, by round.
    pub(crate) fn of<'a>(&'a self, workload: &'a str, peer: &'a str) -> impl Iterator<Item = &'a Measured> {
        self.measured.iter().filter(move |m| m.workload == workload && m.peer == peer)
    }

    /// What peers are called in tables; the name where the title is not known.
    pub(crate) fn title<'a>(&'a self, peer: &'a str) -> &'a str {
        self.peers.iter().find(|p| p.name == peer).map_or(peer, |p| &p.title)
    }

    /// A workload's title.
    pub(crate) fn work<'a>(&'a self, name: &'a str) -> &'a str {
        self.workloads.iter().find(|w| w.name == name).map_or(name, |w| &w.title)
    }
}

impl Measured {
    /// A number of the result. `null` and what is not there are none.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        self.result.get(field).and_then(Value::as_f64)
    }

    /// A text of the result.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.result.get(field).and_then(Value::as_str)
    }
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The shell writes all of its values as texts.
fn number_or_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(from)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.and_then(|n| u32::try_from(n).ok()).ok_or_else(|| serde::de::Error::custom("round is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_and_bad_ones_named() {
        let record = Record::parse(crate::sample::RAW).unwrap();
        assert_eq!(record.peers.len(), 3);
        assert_eq!(record.missing[0].peer, "pushpin");
        assert_eq!(record.broken[0].round, 2);
        assert_eq!(record.machine["cores"], "2");
        let error = Record::parse("{\"kind\":\"run\"}\n\n{\"kind\":\"peer\"}\n").unwrap_err();
        assert!(error.starts_with("line 3: "), "{error}");
    }

    #[test]
    fn null_is_no_number() {
        let record = Record::parse(crate::sample::RAW).unwrap();
        let idle = record.of("idle", "postroom").next().unwrap();
        assert_eq!(idle.number("slope_kib"), Some(3.0));
        assert_eq!(idle.number("delivery_p50_ms"), None);
        assert_eq!(idle.number("not_there"), None);
    }
}

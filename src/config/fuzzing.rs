//! What the fuzz targets may see of this room: the two files as texts, and the words in them.

use std::time::Duration;

use super::app_events;
use super::expand::{self, Env};
use super::frappe;
use super::load;
use super::problem::{Findings, Problem, Problems};
use super::value::{self, Unit};
use super::yaml::{self, Node};
use super::{Settings, Sources};
use crate::domain::app_events::AppEvents;

/// As [`super::load()`], with these texts for the files.
///
/// # Errors
/// All that is wrong.
pub fn settings(config: &str, sites: &str, env: Env) -> Result<Settings, Problems> {
    let sources = Sources { env, ..Sources::default() };
    let mut findings = Findings::default();
    // Without the bench that it may name: nothing of the machine is looked at.
    let process = load::process_of("config.yml".to_owned(), Some(config), &sources, &mut findings);
    let sites = load::site_entries("sites.yml", sites, &sources.env, &mut findings);
    load::settings(process.server, sites, None, &sources, findings)
}

/// What is said about a JSON file of a bench.
pub fn bench_file(text: &str) -> Vec<Problem> {
    let mut findings = Findings::default();
    frappe::read_text("config.json", text, &mut findings);
    findings.finish().unwrap_or_else(|problems| [problems.errors, problems.warnings].concat())
}

/// A file as a tree, with every scalar as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nothing.
    Null,
    /// A string, number or boolean.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Map(Vec<(String, Self)>),
}

/// Reads YAML; `None` where something is wrong with it.
pub fn tree(text: &str) -> Option<Tree> {
    let mut findings = Findings::default();
    let node = yaml::parse("f.yml", text, &mut findings)?;
    (findings.errors() == 0).then(|| bare(node))
}

fn bare(node: Node) -> Tree {
    match node {
        Node::Null | Node::Broken => Tree::Null,
        Node::Scalar(scalar) => Tree::Text(scalar.text),
        Node::List(items) => Tree::List(items.into_iter().map(|(_, item)| bare(item)).collect()),
        Node::Map(entries) => {
            Tree::Map(entries.into_iter().map(|entry| (entry.key, bare(entry.node))).collect())
        }
    }
}

/// `${NAME}` replaced; `None` where there is nothing to replace.
///
/// # Errors
/// Why it cannot be.
pub fn expand_text(text: &str, env: &Env) -> Result<Option<String>, String> {
    expand::expand_text(text, env)
}

/// A time in seconds, and how it is shown.
pub fn time(text: &str) -> Option<(Duration, String)> {
    let time = value::duration(text, Unit::Seconds, &(Duration::ZERO..=Duration::MAX)).ok()?;
    Some((time, value::show_duration(time)))
}

/// A size in bytes, and how it is shown.
pub fn size(text: &str) -> Option<(u64, String)> {
    let size = value::bytes(text, &(0..=u64::MAX)).ok()?;
    Some((size, value::show_bytes(size)))
}

/// An origin, as browsers state it.
pub fn origin(text: &str) -> Option<String> {
    value::origin(text).ok()
}

/// The rules of a text with `appEvents` and `eventHook` at its top; `None` where something is wrong with it.
pub fn app_events(text: &str) -> Option<AppEvents> {
    let mut findings = Findings::default();
    let Node::Map(entries) = yaml::parse("f.yml", text, &mut findings)? else { return None };
    let (written, _) = app_events::take(&entries, "", &mut findings);
    if findings.errors() == 0 { written.map(|written| written.events) } else { None }
}

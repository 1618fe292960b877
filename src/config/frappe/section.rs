//! The section `frappe` of `config.yml`: what is wanted of the sites of a bench.

use std::sync::Arc;

use super::super::app_events::Written;
use super::super::given::Fields;
use super::super::problem::{Findings, Place};
use super::super::value::{self, Wanted};
use super::rules::{Rules, rules};
use crate::domain::SiteName;
use crate::domain::app_events::AppEvents;

/// What is wanted of the sites of a bench. Settings that are wrong are missing here, and were said to be wrong.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Section {
    /// `frappe.benchRoot`, and where that stands.
    pub(in super::super) root: Option<(String, Place)>,
    /// `frappe.backendUrl`: where the web server of all sites is.
    pub(super) backend_url: Option<String>,
    /// Whom they let in.
    pub(super) rules: Rules,
    /// `frappe.rootNamespace`, where the version of Frappe does not say it rightly.
    pub(super) root_namespace: Option<bool>,
    /// `frappe.tokens`: clients with a token have a port of their own, also where the bench names none.
    pub(super) tokens: bool,
    /// `frappe.siteAliases`: host names, and the sites they stand for.
    pub(super) aliases: Vec<(String, SiteName)>,
    /// Where these stand.
    pub(super) aliases_at: Option<Place>,
    /// `frappe.appEvents` and `frappe.eventHook`.
    pub(super) app_events: Arc<AppEvents>,
    /// The first key that a file gives, and where.
    first: Option<(&'static str, Place)>,
    /// Where the port was given; `None`: it is the bench that says it.
    pub(in super::super) port: Option<Place>,
    /// Whether the folder of the store was given.
    pub(in super::super) names_data: bool,
}

/// Reads the section, reporting what is wrong.
pub(in super::super) fn section(fields: &mut Fields<'_>) -> Section {
    let root = optional(fields, "frappe.benchRoot", value::text);
    let root = root.map(|root| (root, fields.place("frappe.benchRoot")));
    let backend_url = optional(fields, "frappe.backendUrl", value::base_url);
    let rules = rules(fields, "frappe.").unwrap_or_default();
    let root_namespace = optional(fields, "frappe.rootNamespace", value::boolean);
    let tokens = fields.take("frappe.tokens", value::boolean).unwrap_or_default();
    let aliases = optional(fields, "frappe.siteAliases", |text| value::several(text, alias));
    Section {
        root,
        backend_url,
        rules,
        root_namespace,
        tokens,
        aliases: aliases.unwrap_or_default(),
        aliases_at: Some(fields.place("frappe.siteAliases")),
        app_events: Arc::default(),
        first: first(fields),
        port: fields.has("port").then(|| fields.place("port")),
        names_data: fields.has("data"),
    }
}

impl Section {
    /// With the rules for the events of apps, which stand in the file alone.
    pub(in super::super) fn with(self, written: Option<Written>) -> Self {
        let Some(Written { events, first: (key, place) }) = written else { return self };
        let key = if key == "eventHook" { "frappe.eventHook" } else { "frappe.appEvents" };
        let first = self.first.clone().or(Some((key, place)));
        Self { app_events: Arc::new(events), first, ..self }
    }
}

fn optional<T>(fields: &mut Fields<'_>, path: &str, parse: impl Fn(&str) -> Wanted<T>) -> Option<T> {
    if fields.has(path) { fields.take(path, parse) } else { None }
}

/// `host=site`.
fn alias(text: &str) -> Wanted<(String, SiteName)> {
    let wanted = || "texts of the form host=site, such as shop.example.com=site1.local".to_owned();
    let (host, site) = text.split_once('=').ok_or_else(wanted)?;
    let site = SiteName::new(site).map_err(|_| wanted())?;
    Ok((value::host_name(host).map_err(|_| wanted())?, site))
}

/// Variables do not count: they may be there for Frappe's own processes.
fn first(fields: &Fields<'_>) -> Option<(&'static str, Place)> {
    let ours = fields.given.iter().filter(|(path, _)| path.starts_with("frappe."));
    let written = ours.filter(|(_, given)| !matches!(given.place, Place::Variable(_)));
    written.map(|(path, given)| (*path, given.place.clone())).min_by(|(_, a), (_, b)| a.cmp(b))
}

/// Warns of a section that nobody reads.
pub(in super::super) fn look_without_bench(section: &Section, findings: &mut Findings) {
    if let Some((path, place)) = &section.first {
        let text = "does nothing without a bench; name it in `frappe.benchRoot`, or start with `postroom frappe`. \
                    Sites in sites.yml have settings of their own";
        findings.warn(place, *path, text);
    }
}

//! `postroom check`: what the files come to, without starting.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frappe;
use super::load::{self, CONFIG_FILE, SITES_FILE, Settings, Sources};
use super::problem::{Findings, Problem, Problems};
use super::schema::{self, SERVER};
use super::server::{Origins, Server};
use super::value::show_duration;
use super::yaml::{self, Node};
use crate::domain::{DeviceTtl, Durability, Site};

/// What `postroom check` has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// For people; several lines, each ended.
    pub text: String,
    /// Whether `postroom serve` would start.
    pub in_order: bool,
}

/// Checks what `serve` would read; or, where `files` are named, only those, each for what it is: `config.yml` or
/// `sites.yml`, told by its name or else by what it holds.
pub fn check(sources: &Sources, files: &[PathBuf]) -> Report {
    let mut report = Report { text: String::new(), in_order: true };
    if files.is_empty() {
        report.add("settings", load::load(sources).map(|all| (describe(&all), all.warnings)));
    }
    for file in files {
        let (of, result) = check_file(sources, file);
        report.add(&format!("{} ({of})", file.display()), result);
    }
    report
}

/// A description and warnings, or what is wrong.
type Checked = Result<(String, Vec<Problem>), Problems>;

fn check_file(sources: &Sources, file: &Path) -> (&'static str, Checked) {
    let mut findings = Findings::default();
    if is_sites(file) {
        let mut sources = Sources { sites: Some(file.to_owned()), ..sources.clone() };
        // It is the file that is asked about, whatever the environment says.
        sources.env.remove("SITE_NAME");
        let sites = load::sites(&sources, true, &mut findings);
        (SITES_FILE, findings.finish().map(|warnings| (describe_sites(&sites), warnings)))
    } else {
        let sources = Sources { config: Some(file.to_owned()), ..sources.clone() };
        let process = load::process(&sources, &mut findings);
        let text = process.server.as_ref().map(describe_server).unwrap_or_default();
        (CONFIG_FILE, findings.finish().map(|warnings| (text, warnings)))
    }
}

/// By its name; or, where that says nothing or both, by whether its mappings hold settings of sites.
fn is_sites(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    match (name.contains("site"), name.contains("config")) {
        (true, false) => true,
        (false, true) => false,
        _ => holds_sites(&std::fs::read_to_string(file).unwrap_or_default()),
    }
}

fn holds_sites(text: &str) -> bool {
    let Some(Node::Map(entries)) = yaml::parse("", text, &mut Findings::default()) else { return false };
    let like_site = |node: &Node| match node {
        Node::Map(entries) => entries.iter().any(|entry| schema::find(schema::SITE, &entry.key).is_some()),
        _ => false,
    };
    let like_server = |key: &str| schema::find(SERVER, key).is_some();
    entries.iter().any(|entry| like_site(&entry.node)) && !entries.iter().any(|entry| like_server(&entry.key))
}

impl Report {
    fn add(&mut self, what: &str, result: Checked) {
        let (errors, text, warnings) = match result {
            Ok((text, warnings)) => (Vec::new(), text, warnings),
            Err(problems) => (problems.errors, String::new(), problems.warnings),
        };
        self.in_order &= errors.is_empty();
        for error in &errors {
            self.line(&format!("error: {error}"));
        }
        for warning in &warnings {
            self.line(&format!("warning: {warning}"));
        }
        self.line(&match errors.len() {
            0 => format!("{what}: in order"),
            1 => format!("{what}: 1 error"),
            n => format!("{what}: {n} errors"),
        });
        self.text.push_str(&text);
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn describe(all: &Settings) -> String {
    let bench = all.bench.as_ref().map(|bench| bench.describe()).unwrap_or_default();
    describe_server(&all.server) + &bench + &describe_sites(&all.sites)
}

fn describe_server(server: &Server) -> String {
    let ttl = match server.device_ttl {
        DeviceTtl::After(ttl) => show_duration(ttl),
        DeviceTtl::Never => "for ever".to_owned(),
    };
    let store = match &server.redis {
        Some(redis) => {
            format!("Redis at {}, prefix {}, {} shards", redis.servers, redis.prefix, redis.shards)
        }
        None => describe_embedded(server),
    };
    let origins = match &server.io.origins {
        Origins::Any => "any origin".to_owned(),
        Origins::Only(origins) => origins.join(", "),
    };
    let listen = match &server.socket {
        Some(socket) => socket.display().to_string(),
        None => server.listen.to_string(),
    };
    let path = &server.io.path;
    let tokens = describe_tokens(server);
    format!(
        "  listen {listen}, Socket.IO at {path} for {origins}\n{tokens}  store {store}, device_ttl {ttl}\n"
    )
}

fn describe_tokens(server: &Server) -> String {
    let paths = server.io.token_paths.join(" and ");
    match &server.token_listen {
        Some(listen) => format!("  tokens alone at {listen}, and at {paths}\n"),
        None if !paths.is_empty() => format!("  tokens alone at {paths}\n"),
        None => String::new(),
    }
}

fn describe_embedded(server: &Server) -> String {
    let durability = match server.durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    format!("{}, durability {durability}", server.data.display())
}

fn describe_sites(sites: &[Arc<Site>]) -> String {
    let mut text = String::new();
    for site in sites {
        let keeps = match (site.frappe(), &site.user_room_prefix) {
            (Some(site), _) => format!("Frappe, {}", frappe::describe(site)),
            (None, Some(prefix)) => format!("keeps messages for rooms that start with {prefix}"),
            (None, None) => "plain broadcast, keeps no messages".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  site {}: {keeps}", site.name);
    }
    text
}

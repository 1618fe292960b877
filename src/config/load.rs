//! Reads all sources and lays them over one another.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::app_events;
use super::environments;
use super::expand::{self, Env};
use super::frappe::{self, Bench, Section};
use super::given::{self, Fields, Flat, Given};
use super::layers;
use super::problem::{Findings, Place, Problem, Problems};
use super::read_server;
use super::schema::{self, SERVER};
use super::server::Server;
use super::sites;
use super::value::show_bytes;
use super::yaml::{self, Entry, Node};
use crate::domain::Site;

/// The file that is read where none is named, if it is there.
pub(super) const CONFIG_FILE: &str = "config.yml";
/// The file of the sites where none is named.
pub(super) const SITES_FILE: &str = "sites.yml";

/// Where settings come from: what the command line says, and the environment. A flag wins over the environment,
/// which wins over `config.yml`, which wins over the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`: must exist where given (or named by `POSTROOM_CONFIG`). Default `config.yml`, which need not.
    pub config: Option<PathBuf>,
    /// `--sites`: as `config` (`POSTROOM_SITES`). Default `sites.yml`, which must exist unless `SITE_NAME` is set.
    pub sites: Option<PathBuf>,
    /// `--data`: the folder of the embedded store.
    pub data: Option<PathBuf>,
    /// `--host`: the address to listen on.
    pub host: Option<String>,
    /// `--port`: the port to listen on.
    pub port: Option<String>,
    /// `--bench`: the folder of a Frappe bench.
    pub bench: Option<PathBuf>,
    /// Nothing goes without a bench (`postroom frappe`): where none is named, the current folder is one.
    pub frappe: bool,
    /// The environment. Nothing else is read of it.
    pub env: Env,
}

/// Everything that was read, and is in order.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The process.
    pub server: Server,
    /// The sites of `sites.yml`, or of the environment; at least one, unless there is a bench.
    pub sites: Vec<Arc<Site>>,
    /// A Frappe bench, with the sites that are in it besides. A site of `sites` with the same name wins.
    pub bench: Option<Arc<Bench>>,
    /// What looks wrong; to be logged at the start.
    pub warnings: Vec<Problem>,
}

/// Reads, merges and checks all settings.
///
/// # Errors
/// [`Problems`] with everything that is wrong, in all sources.
pub fn load(sources: &Sources) -> Result<Settings, Problems> {
    let mut findings = Findings::default();
    let Process { mut server, section, with_bench } = process(sources, &mut findings);
    let root = frappe::find(sources, &section, &mut findings);
    let sites = sites(sources, !with_bench, &mut findings);
    if !with_bench {
        frappe::look_without_bench(&section, &mut findings);
    }
    let bench = root.and_then(|root| frappe::read(&root, &section, &sources.env, &mut findings));
    let bench = bench.map(|(bench, entrance)| {
        if let Some(server) = &mut server {
            entrance.open(server, section.port.as_ref(), &mut findings);
            if !section.names_data {
                settle(server, &bench, &sites);
            }
        }
        Arc::new(bench)
    });
    settings(server, sites, bench, sources, findings)
}

/// Where nothing is kept that would have to be found again, the files of the store go to those that the bench makes of its
/// other processes: Procfiles run in the folder of the bench, where a folder `data` would be a riddle, and two benches must
/// not share one. Each process of a bench has its own, by where it listens. Sites that keep messages have theirs where they always
/// had it.
fn settle(server: &mut Server, bench: &Bench, sites: &[Arc<Site>]) {
    if !sites.iter().any(|site| site.keeps_messages()) {
        let of_socket = server.socket.as_ref().and_then(|socket| socket.file_name());
        let own = of_socket.map_or_else(|| server.listen.port().to_string().into(), OsStr::to_owned);
        server.data = bench.root().join("config").join("postroom").join(own);
    }
}

/// What has been read, if all of it is in order.
pub(super) fn settings(
    server: Option<Server>,
    sites: Vec<Arc<Site>>,
    bench: Option<Arc<Bench>>,
    sources: &Sources,
    mut findings: Findings,
) -> Result<Settings, Problems> {
    if let Some(server) = &server {
        compare(server, &sites, sources, &mut findings);
    }
    let warnings = findings.finish()?;
    let Some(server) = server else {
        return Err(Problems { errors: vec![incomplete()], warnings });
    };
    Ok(Settings { server, sites, bench, warnings })
}

/// Reads the settings of the process alone, without any site.
///
/// # Errors
/// [`Problems`] with everything that is wrong.
pub fn load_server(sources: &Sources) -> Result<Server, Problems> {
    let mut findings = Findings::default();
    let server = process(sources, &mut findings).server;
    let warnings = findings.finish()?;
    server.ok_or_else(|| Problems { errors: vec![incomplete()], warnings })
}

/// Should not come up: settings are incomplete only where an error says why.
fn incomplete() -> Problem {
    Problem::new(
        &Place::WholeFile(CONFIG_FILE.to_owned()),
        "",
        "could not be read for a reason that is not known",
    )
}

/// What `config.yml`, the environment and the flags come to.
pub(super) struct Process {
    /// The settings of the process. `None` only where something is wrong.
    pub(super) server: Option<Server>,
    /// What is wanted of a bench.
    pub(super) section: Section,
    /// Whether there is to be one.
    pub(super) with_bench: bool,
}

/// The settings of the process.
pub(super) fn process(sources: &Sources, findings: &mut Findings) -> Process {
    let (path, named) = config_path(sources);
    let text = read_file(&path, named, "", findings);
    process_of(path.display().to_string(), text.as_deref(), sources, findings)
}

/// As [`process`], with `text` for the file.
pub(super) fn process_of(
    file: String,
    text: Option<&str>,
    sources: &Sources,
    findings: &mut Findings,
) -> Process {
    look_at_variables(&sources.env, findings);
    let mut in_file = match text {
        Some(text) => config_entries(&file, text, &sources.env, findings),
        None => Vec::new(),
    };
    let app_events = app_events::take_from(&mut in_file, "frappe", findings);
    let in_file = given::from_entries(SERVER, &in_file, findings);
    let mut in_env = given::from_variables(SERVER, &sources.env);
    let with_bench = frappe::is_wanted(sources, &in_file);
    if with_bench {
        leave_out_port(&mut in_env, sources, findings);
    }
    match layers::merge(SERVER, vec![in_file, in_env, flags(sources)]) {
        Ok(given) => {
            let fields = &mut Fields { schema: SERVER, given, owner: Place::WholeFile(file), findings };
            let server = read_server::read(fields);
            Process { server, section: frappe::section(fields).with(app_events), with_bench }
        }
        Err(error) => {
            findings.error(&Place::WholeFile(file), "", error.to_string());
            Process { server: None, section: Section::default(), with_bench }
        }
    }
}

/// `bench start` gives each process of the Procfile a PORT of its own, which Frappe's server does not look at, and at which no
/// client would look for it.
fn leave_out_port(in_env: &mut Flat, sources: &Sources, findings: &mut Findings) {
    if let Some(given) = in_env.remove("port")
        && !sources.frappe
    {
        let text =
            "is not read where there is a bench; use FRAPPE_SOCKETIO_PORT, --port, or `port` in config.yml";
        findings.warn(&given.place, "", text);
    }
}

fn config_entries(file: &str, text: &str, env: &Env, findings: &mut Findings) -> Vec<Entry> {
    let root = mapping(file, text, "settings", findings);
    let environment = variable(env, "NODE_ENV").unwrap_or("production");
    let mut entries = environments::choose(file, root, environment, findings);
    expand::expand(&mut entries, env, findings);
    entries
}

fn flags(sources: &Sources) -> Flat {
    let data = sources.data.as_ref().map(|data| data.display().to_string());
    let flags =
        [("host", "--host", &sources.host), ("port", "--port", &sources.port), ("data", "--data", &data)];
    let given = flags.into_iter().filter_map(|(path, flag, text)| {
        Some((path, Given::plain(Place::Flag(flag.to_owned()), text.clone()?)))
    });
    given.collect()
}

/// The sites. Where they are `required`, empty only where something is wrong.
pub(super) fn sites(sources: &Sources, required: bool, findings: &mut Findings) -> Vec<Arc<Site>> {
    let (path, named) = sites_path(sources);
    if let Some(sites) = sites::from_variables(&sources.env, findings) {
        if named || path.exists() {
            let text = format!("SITE_NAME is set, so that {} is not read", path.display());
            findings.warn(&Place::Variable("SITE_NAME".to_owned()), "", text);
        }
        return sites;
    }
    let mend =
        "; copy sites.example.yml to sites.yml and fill in your site, or set SITE_NAME, AUTH_URL and API_KEY";
    match read_file(&path, required || named, mend, findings) {
        Some(text) => site_entries(&path.display().to_string(), &text, &sources.env, findings),
        None => Vec::new(),
    }
}

pub(super) fn site_entries(file: &str, text: &str, env: &Env, findings: &mut Findings) -> Vec<Arc<Site>> {
    let before = findings.errors();
    let mut entries = mapping(file, text, "sites", findings);
    if entries.is_empty() && findings.errors() == before {
        let text =
            "names no site; add one as in sites.example.yml: its name, and below it authUrl and apiKey";
        findings.error(&Place::WholeFile(file.to_owned()), "", text);
    }
    for entry in &mut entries {
        // A text in the place of a site is wrong, also where nothing would be left of it: it must not vanish.
        if let Node::Map(settings) = &mut entry.node {
            expand::expand(settings, env, findings);
        }
    }
    sites::from_entries(&entries, findings)
}

/// What stands at the top of a file.
fn mapping(file: &str, text: &str, of: &str, findings: &mut Findings) -> Vec<Entry> {
    match yaml::parse(file, text, findings) {
        Some(Node::Map(entries)) => entries,
        None | Some(Node::Null) => Vec::new(),
        Some(other) => {
            let text = format!("must be a mapping of {of}, not {}", other.kind());
            findings.error(&Place::WholeFile(file.to_owned()), "", text);
            Vec::new()
        }
    }
}

/// The text of a file. `None` where it is not there, which is reported if it must be, with a mend.
pub(super) fn read_file(
    path: &Path,
    must_exist: bool,
    mend: &str,
    findings: &mut Findings,
) -> Option<String> {
    let what = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => return Some(text),
        Ok(Err(_)) => "is not a text in UTF-8".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return None,
        Err(error) if error.kind() == ErrorKind::NotFound => format!("there is no such file{mend}"),
        Err(_) if path.is_dir() => {
            "is a folder, not a file; container engines make one where a mounted file does not exist"
                .to_owned()
        }
        Err(error) => format!("cannot be read: {error}"),
    };
    findings.error(&Place::WholeFile(path.display().to_string()), "", what);
    None
}

fn config_path(sources: &Sources) -> (PathBuf, bool) {
    named_or(sources.config.as_ref(), variable(&sources.env, "POSTROOM_CONFIG"), CONFIG_FILE)
}

fn sites_path(sources: &Sources) -> (PathBuf, bool) {
    named_or(sources.sites.as_ref(), variable(&sources.env, "POSTROOM_SITES"), SITES_FILE)
}

/// The path, and whether somebody named it.
fn named_or(flag: Option<&PathBuf>, variable: Option<&str>, default: &str) -> (PathBuf, bool) {
    match flag.cloned().or_else(|| variable.map(PathBuf::from)) {
        Some(path) => (path, true),
        None => (PathBuf::from(default), false),
    }
}

/// A variable that is set and not empty.
pub(super) fn variable<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    env.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Warns of variables that look as if they were meant for us. Kubernetes sets some of its own for a service with
/// the name `postroom`: `POSTROOM_SERVICE_HOST`, `POSTROOM_PORT` and more with these beginnings.
fn look_at_variables(env: &Env, findings: &mut Findings) {
    let known: Vec<&str> =
        SERVER.iter().filter_map(|key| key.variable).chain(["POSTROOM_CONFIG", "POSTROOM_SITES"]).collect();
    let foreign = |name: &str| name.starts_with("POSTROOM_SERVICE_") || name.starts_with("POSTROOM_PORT");
    let ours = env.keys().filter(|name| name.starts_with("POSTROOM_") && !foreign(name));
    for name in ours.filter(|name| !known.contains(&name.as_str())) {
        let text = match schema::nearest_word(known.iter().copied(), name) {
            Some(meant) => format!("is not a variable that is read; did you mean {meant}?"),
            None => "is not a variable that is read".to_owned(),
        };
        findings.warn(&Place::Variable(name.clone()), "", text);
    }
}

/// Warns of sites whose settings do not go with those of the process.
fn compare(server: &Server, sites: &[Arc<Site>], sources: &Sources, findings: &mut Findings) {
    let place = match variable(&sources.env, "SITE_NAME") {
        Some(_) => Place::Variable("SITE_NAME".to_owned()),
        None => Place::WholeFile(sites_path(sources).0.display().to_string()),
    };
    let limit = server.send_limit as u64;
    for site in sites.iter().filter(|site| site.keeps_messages() && site.queue.max_bytes < limit) {
        let (bytes, limit) = (show_bytes(site.queue.max_bytes), show_bytes(limit));
        let text = format!(
            "`queue.maxBytes` ({bytes}) is below `sendLimit` ({limit}): a long message fits into no inbox"
        );
        findings.warn(&place, site.name.as_str(), text);
    }
}

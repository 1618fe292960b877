//! From the files of a bench, the environment and the section `frappe` of `config.yml` to [`Bench`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::expand::Env;
use super::super::given::{self, Fields};
use super::super::problem::{Findings, Place};
use super::super::read_server;
use super::super::schema::BENCH;
use super::super::server::Server;
use super::super::value::{self, Wanted};
use super::bench::{Bench, Found, Version};
use super::json;
use super::root::Root;
use super::section::Section;
use super::site::redis_queue;
use crate::domain::{FrappeSite, Secret, WebServer};

/// Where clients with a token come in, where the bench does not say.
const TOKEN_PORT: u16 = 9001;
/// The path by which token clients are told apart from others behind one proxy.
const TOKEN_PATH: &str = "/socket-token";
/// Settings that people write into the file of a site, where no realtime server looks.
const NOT_OF_A_SITE: &[&str] = &[
    "socketio_port",
    "socketio_uds",
    "socketio_token_port",
    "socketio_token_path",
    "redis_queue",
    "default_site",
];

/// Where the clients of a bench come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Entrance {
    port: u16,
    socket: Option<(PathBuf, Place)>,
    token_port: Option<(u16, Place)>,
    token_paths: Vec<String>,
}

/// Reads a bench, reporting what is wrong. `None` only where something is.
pub(in super::super) fn read(
    root: &Root,
    section: &Section,
    env: &Env,
    findings: &mut Findings,
) -> Option<(Bench, Entrance)> {
    let sites = root.path.join("sites");
    let common = sites.join("common_site_config.json");
    let mut given = json::read(&root.path.join("config.json"), findings);
    given.extend(json::read(&common, findings));
    given.extend(given::from_variables(BENCH, env));
    let owner = Place::WholeFile(common.display().to_string());
    let fields = &mut Fields { schema: BENCH, given, owner, findings };
    let entrance = entrance(fields, section, &root.path);
    let web_server = web_server(fields, section);
    let version = Version::of(&root.path);
    let is_old = version.map_or(section.root_namespace == Some(true), Version::is_in_root);
    let queue = queue(fields, is_old);
    let template = FrappeSite {
        web_server: web_server?,
        redis_queue: queue?,
        aliases: Vec::new(),
        is_default: false,
        permission_api: section.rules.permission_api,
        credentials: section.rules.credentials,
        token_schemes: section.rules.token_schemes.clone(),
        origin_required: section.rules.origin_required,
        // Whatever is written there that is not falsy.
        developer_mode: fields.has("developer_mode"),
        in_root_namespace: section.root_namespace.unwrap_or_else(|| version.is_some_and(Version::is_in_root)),
        rules: Arc::clone(&section.app_events),
    };
    let default_site = default_site(fields, &sites);
    let bench = Bench {
        root: root.path.clone(),
        sites,
        version,
        default_site,
        aliases: section.aliases.clone(),
        template,
        found: Found::default(),
    };
    look_at_sites(fields, section, &bench);
    Some((bench, entrance?))
}

fn port(text: &str) -> Wanted<u16> {
    value::whole(text, 1..=u64::from(u16::MAX))
        .and_then(|port| u16::try_from(port).map_err(|error| error.to_string()))
}

fn entrance(fields: &mut Fields<'_>, section: &Section, root: &Path) -> Option<Entrance> {
    let main = fields.take("socketio_port", port);
    // Frappe's server runs in the folder of its bench.
    let socket = fields.take("socketio_uds", value::text).map(|path| root.join(path));
    let socket = socket.map(|path| (path, fields.place("socketio_uds")));
    let token_port = fields.take("socketio_token_port", port);
    let token_port = token_port.or(section.tokens.then_some(TOKEN_PORT));
    let token_path = fields.take("socketio_token_path", read_server::path);
    let mut token_paths = Vec::new();
    if token_port.is_some() || token_path.is_some() {
        token_paths.push(TOKEN_PATH.to_owned());
        token_paths.extend(token_path.filter(|path| path != TOKEN_PATH));
    }
    let token_port = token_port.map(|port| (port, fields.place("socketio_token_port")));
    Some(Entrance { port: main?, socket, token_port, token_paths })
}

impl Entrance {
    /// Opens it. `port`: where that of `server` was given, which then stays as it is.
    pub(in super::super) fn open(self, server: &mut Server, port: Option<&Place>, findings: &mut Findings) {
        let Self { port: of_bench, socket, token_port, mut token_paths } = self;
        match (port, socket) {
            (Some(place), Some((_, socket))) => {
                let text = format!("does nothing: a port is given ({place})");
                findings.warn(&socket, "socketio_uds", text);
            }
            (None, Some((path, _))) => server.socket = Some(path),
            (Some(_), None) => {}
            (None, None) => server.listen.set_port(of_bench),
        }
        // Else it would not be open to cookies any more, which most clients come with.
        token_paths.retain(|path| *path != server.io.path);
        server.io.token_paths = token_paths;
        if let Some((port, place)) = token_port {
            let taken = server.socket.is_none() && server.listen.port() == port;
            if taken {
                let text = format!("{port} is the port of the other clients too; give it another");
                findings.error(&place, "socketio_token_port", text);
            }
            let mut listen = server.listen;
            listen.set_port(port);
            server.token_listen = Some(listen);
        }
    }
}

/// Where the bench publishes. Up to version 14 that was a Redis of its own, which later benches often still name, and which is
/// dead there.
fn queue(fields: &mut Fields<'_>, is_old: bool) -> Option<Secret> {
    if is_old && fields.has("redis_socketio") {
        return fields.take("redis_socketio", redis_queue);
    }
    if !fields.has("redis_queue") {
        fields.warn("redis_queue", "is not given; redis://127.0.0.1:11311 is taken, as Frappe does");
    }
    fields.take("redis_queue", redis_queue)
}

fn web_server(fields: &mut Fields<'_>, section: &Section) -> Option<WebServer> {
    let port = fields.take("webserver_port", port);
    let host = fields.take("webserver_host", web_host);
    if let Some(url) = &section.backend_url {
        return Some(WebServer::At(url.clone()));
    }
    if fields.has("webserver_host") && !fields.has("webserver_port") {
        fields.warn("webserver_host", "does nothing without `webserver_port` beside it");
        return Some(WebServer::OfOrigin { port: None, local: None });
    }
    if fields.has("webserver_host") {
        return Some(WebServer::At(host?.with_port(port?)));
    }
    let developed = fields.has("developer_mode");
    Some(WebServer::OfOrigin {
        port: port.filter(|_| developed),
        local: port.map(|port| format!("http://127.0.0.1:{port}")),
    })
}

/// `webserver_host`, taken apart.
struct WebHost {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl WebHost {
    /// The address; a port of its own wins.
    fn with_port(&self, port: u16) -> String {
        format!("{}://{}:{}", self.scheme, self.host, self.port.unwrap_or(port))
    }
}

fn web_host(text: &str) -> Wanted<WebHost> {
    let wanted = || {
        "the name of a host, or the address of a web server without a path, such as web or https://web:8443"
            .to_owned()
    };
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = value::http_url(&full).map_err(|_| wanted())?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wanted());
    }
    let authority = full.split("://").nth(1).unwrap_or_default().trim_end_matches('/');
    // Not `Url::port`, which leaves out the usual one.
    let own = authority
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .filter(|_| !authority.ends_with(']'));
    let host = url.host_str().ok_or_else(wanted)?.to_owned();
    Ok(WebHost { scheme: url.scheme().to_owned(), host, port: own })
}

/// `default_site`; else the file in which old benches keep it.
fn default_site(fields: &mut Fields<'_>, sites: &Path) -> Option<String> {
    let stated = fields.take("default_site", |text| Ok(text.to_owned()));
    stated.or_else(|| {
        let file = std::fs::read_to_string(sites.join("currentsite.txt")).ok()?;
        Some(file.trim().to_owned()).filter(|name| !name.is_empty())
    })
}

/// Warns of what looks wrong about the sites that are there now.
fn look_at_sites(fields: &mut Fields<'_>, section: &Section, bench: &Bench) {
    if let Some(name) = bench.default_site().filter(|name| bench.site(name).is_none()) {
        fields.warn("default_site", format!("`{name}` is no site of this bench"));
    }
    let gone = section.aliases.iter().filter(|(_, site)| bench.site(site.as_str()).is_none());
    for ((host, site), place) in gone.zip(section.aliases_at.iter().cycle()) {
        let text = format!("{host}: `{site}` is no site of this bench");
        fields.findings.warn(place, "frappe.siteAliases", text);
    }
    let names = bench.site_names();
    if names.is_empty() {
        fields.warn("", "there is no site in this bench yet; `bench new-site` makes one");
    }
    for name in names {
        for (key, place) in json::places(&bench.file_of(&name), NOT_OF_A_SITE) {
            let text = "does nothing in the file of a site; write it in sites/common_site_config.json";
            fields.findings.warn(&place, key, text);
        }
    }
}

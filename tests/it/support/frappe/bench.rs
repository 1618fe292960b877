//! The folder of a bench with its settings and sites, the Redis that its sites publish in, and starting gateways on it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::realtime::Realtime;
use super::visitor::{PROBE, ROUND, Visitor};
use super::web_server::WebServer;
use crate::support::process::{Process, command, free_port};
use crate::support::redis::RedisServer;
use crate::support::site_server::PATIENCE;

/// The sites that every bench of the tests has.
pub const SITE: &str = "site1.localhost";
pub const OTHER: &str = "site2.localhost";

/// A bench with two sites, of version 16 unless it is told otherwise.
pub struct Bench {
    folder: TempDir,
    common: Map<String, Value>,
    config: String,
    env: Vec<(String, String)>,
    pub redis: RedisServer,
    pub web: WebServer,
    /// Counts gateways, and rounds of probing.
    numbers: AtomicU64,
}

impl Bench {
    pub async fn new() -> Self {
        Self::on(RedisServer::start()).await
    }

    /// With this Redis as its `redis_queue`.
    pub async fn on(redis: RedisServer) -> Self {
        let (folder, web) = (tempfile::tempdir().unwrap(), WebServer::start().await);
        let common = json!({
            "redis_queue": redis.url(),
            "webserver_host": "127.0.0.1",
            "webserver_port": web.port(),
            // What many benches still carry, and nobody answers there.
            "redis_socketio": "redis://127.0.0.1:1",
        });
        let Value::Object(common) = common else { unreachable!() };
        let (config, env) = ("host: 127.0.0.1\nworkers: 2\n".to_owned(), Vec::new());
        let bench = Self { folder, common, config, env, redis, web, numbers: AtomicU64::new(0) };
        bench.new_site(SITE);
        bench.new_site(OTHER);
        bench.secret("first-secret-of-the-bench-012345");
        bench.version(16)
    }

    /// The version of Frappe that it runs.
    pub fn version(mut self, major: u32) -> Self {
        let folder = self.path("apps/frappe/frappe");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("__init__.py"), format!("__version__ = \"{major}.1.0\"\n")).unwrap();
        self.web.rules(|rules| rules.version = major);
        if major < 16 {
            self.redis.cli(&["DEL", "socketio_auth_secret"]);
        }
        if major < 15 {
            // Events had a Redis of their own.
            self.common.insert("redis_socketio".to_owned(), json!(self.redis.url()));
            self.common.insert("redis_queue".to_owned(), json!("redis://127.0.0.1:1"));
        }
        self
    }

    /// A setting of `common_site_config.json`; null takes it away.
    pub fn common(mut self, key: &str, value: Value) -> Self {
        if value.is_null() {
            self.common.remove(key);
            return self;
        }
        self.common_as_is(key, value)
    }

    /// The same, where null is a value like others.
    pub fn common_as_is(mut self, key: &str, value: Value) -> Self {
        self.common.insert(key.to_owned(), value);
        self
    }

    /// More lines of the gateway's own config.yml.
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// A variable of the environment of gateways.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// As `bench new-site` leaves it.
    pub fn new_site(&self, name: &str) {
        let folder = self.path("sites").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("site_config.json"), r#"{"db_name": "_1bd3e0294da19198"}"#).unwrap();
    }

    /// As `bench drop-site` leaves it.
    pub fn drop_site(&self, name: &str) {
        std::fs::remove_dir_all(self.path("sites").join(name)).unwrap();
    }

    /// The secret is another one from now on, for the web server and in Redis.
    pub fn secret(&self, secret: &str) {
        self.web.rules(|rules| secret.clone_into(&mut rules.secret));
        assert_eq!(self.redis.cli(&["SET", "socketio_auth_secret", secret]), "OK");
    }

    /// Starts a gateway that listens on a port which the environment names, and waits until it hears events.
    pub async fn start(&self) -> Realtime {
        let before = self.listeners();
        let realtime = self.start_deaf().await;
        until("the gateway subscribes to the events", async || self.listeners() > before).await;
        realtime
    }

    /// The same, without waiting for Redis.
    pub async fn start_deaf(&self) -> Realtime {
        for _ in 0..20 {
            let port = free_port();
            let env = [("FRAPPE_SOCKETIO_PORT".to_owned(), port.to_string())];
            if let Some(process) = self.try_start(&env).await {
                return Realtime { port, process };
            }
        }
        panic!("no free port");
    }

    /// Starts a gateway that finds out by itself where to listen; `port` is where it is expected.
    pub async fn start_as_configured(&self, port: u16) -> Realtime {
        let process = self.try_start(&[]).await.unwrap_or_else(|| panic!("{port} is taken"));
        Realtime { port, process }
    }

    /// Starts a gateway, and it must end by itself: how, and all that it said.
    pub async fn start_in_vain(&self) -> (ExitStatus, String) {
        Self::ended(self.launch(&[])).await
    }

    /// `None` where it finds its port taken.
    async fn try_start(&self, env: &[(String, String)]) -> Option<Process> {
        let process = self.launch(env);
        let line = process.line(&["\"listening\"", "Address already in use"]).await;
        line.contains("\"listening\"").then_some(process)
    }

    fn launch(&self, env: &[(String, String)]) -> Process {
        let data = self.path(&format!("data-{}", self.number()));
        self.run(&["frappe", "--data", data.to_str().unwrap()], env)
    }

    /// What the doctor says with these arguments, and how it ends, while clients come in at this port.
    pub async fn doctor_at(&self, port: u16, arguments: &[&str]) -> (ExitStatus, String) {
        let env = [("FRAPPE_SOCKETIO_PORT".to_owned(), port.to_string())];
        Self::ended(self.run(&[&["doctor", "--frappe"], arguments].concat(), &env)).await
    }

    /// A command on this bench: how it ends, and all that it said.
    pub async fn run_to_end(&self, arguments: &[&str]) -> (ExitStatus, String) {
        Self::ended(self.run(arguments, &[])).await
    }

    async fn ended(mut process: Process) -> (ExitStatus, String) {
        let status = process.ended().await;
        let said = process.lines.lock().unwrap().join("\n");
        (status, said)
    }

    /// Runs a command on this bench.
    fn run(&self, arguments: &[&str], env: &[(String, String)]) -> Process {
        let (config, common) = (self.path("postroom.yml"), self.path("sites/common_site_config.json"));
        std::fs::write(&config, &self.config).unwrap();
        std::fs::write(common, Value::Object(self.common.clone()).to_string()).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut command = command(false);
        command.args(arguments).args(["--bench", &text(self.folder.path()), "--config", &text(&config)]);
        command.args(["--host", "127.0.0.1"]);
        let env: Vec<_> = self.env.iter().chain(env).cloned().collect();
        Process::run(&mut command, self.folder.path(), &env)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// How many subscribe to the events.
    pub fn listeners(&self) -> usize {
        let answer = self.redis.cli(&["PUBSUB", "NUMSUB", "events"]);
        answer.lines().last().and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// Publishes as `frappe.publish_realtime` does: keys sorted, on several lines.
    pub fn publish(&self, event: &Value) {
        self.publish_text(&as_json(event));
    }

    /// Publishes a text to the letter. Somebody must hear it.
    pub fn publish_text(&self, text: &str) {
        let heard = self.redis.cli(&["PUBLISH", "events", text]);
        assert!(heard.parse::<usize>().is_ok_and(|heard| heard > 0), "nobody hears the events: {heard}");
    }

    /// Publishes to a room of a site.
    pub fn publish_to(&self, site: &str, room: &str, event: &str, message: &Value) {
        self.publish(&json!({ "event": event, "message": message, "room": room, "namespace": site }));
    }

    /// Whether a visitor is in a room, by what it hears; nothing else may come to it meanwhile.
    pub async fn is_in(&self, visitor: &mut Visitor, room: &str) -> bool {
        let number = self.number();
        self.publish_to(&visitor.site, room, PROBE, &json!(number));
        self.publish_to(&visitor.site, "website", ROUND, &json!(number));
        visitor.round(number).await
    }

    /// Waits until a visitor is no longer in a room.
    pub async fn exits(&self, visitor: &mut Visitor, room: &str) {
        until(&format!("the visitor has left {room}"), async || !self.is_in(visitor, room).await).await;
    }

    /// Waits until a visitor is in a room.
    pub async fn enters(&self, visitor: &mut Visitor, room: &str) {
        until(&format!("the visitor is in {room}"), async || self.is_in(visitor, room).await).await;
    }
}

/// Asks again and again, for as long as any test waits, until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// As `frappe.as_json` writes: sorted keys, one space for each level, everything but ASCII escaped.
pub fn as_json(value: &Value) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(value, &mut serializer).unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
    }
    ascii
}

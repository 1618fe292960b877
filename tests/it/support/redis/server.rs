//! One redis-server.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Certificates;
use super::process::RedisProcess;
use crate::support::process::free_port;

/// A redis-server on a port of its own, in a temporary folder; ends when dropped. Without settings it keeps nothing
/// on disk, and listens on a unix socket too.
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    settings: Vec<(String, String)>,
    scheme: &'static str,
    process: Option<RedisProcess>,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings of redis.conf: `("appendonly", "yes")`, `("appendfsync", "always")`, `("maxmemory", "2mb")`,
    /// `("requirepass", "..")`, ...
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::begin("redis", settings)
    }

    /// Speaks TLS on its port, and nothing else.
    pub fn with_tls(certificates: &Certificates, settings: &[(&str, &str)]) -> Self {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let (authority, server, key) =
            (text(certificates.authority()), text(certificates.server()), text(certificates.server_key()));
        let mut all = vec![
            ("tls-ca-cert-file", authority.as_str()),
            ("tls-cert-file", server.as_str()),
            ("tls-key-file", key.as_str()),
            ("tls-auth-clients", "no"),
        ];
        all.extend_from_slice(settings);
        Self::begin("rediss", &all)
    }

    fn begin(scheme: &'static str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut server = Self { port: 0, folder, settings, scheme, process: None };
        for _ in 0..20 {
            server.port = free_port();
            server.process = server.launch();
            if server.process.is_some() {
                return server;
            }
        }
        panic!("no free port");
    }

    fn launch(&self) -> Option<RedisProcess> {
        self.launch_until("eady to accept connections at")
    }

    fn launch_until(&self, ready: &str) -> Option<RedisProcess> {
        let port = self.port.to_string();
        let (plain, tls) = if self.scheme == "redis" { (&*port, "0") } else { ("0", &*port) };
        let mut arguments: Vec<String> = ["--bind", "127.0.0.1", "--port", plain, "--tls-port", tls]
            .into_iter()
            .chain(["--unixsocket", "redis.sock", "--save", "", "--enable-debug-command", "yes"])
            .chain(["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"])
            .map(str::to_owned)
            .collect();
        for (name, value) in &self.settings {
            arguments.extend([format!("--{name}"), value.clone()]);
        }
        RedisProcess::start(self.folder.path(), &arguments, ready)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:port`, `rediss://` with TLS; with the password where there is one.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same by way of another port, as that of a proxy.
    pub fn url_at(&self, port: u16) -> String {
        let password = self.setting("requirepass").map(|password| format!(":{password}@"));
        format!("{}://{}127.0.0.1:{port}", self.scheme, password.unwrap_or_default())
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Its number as a process.
    pub fn id(&self) -> u32 {
        self.process().id()
    }

    /// What it has logged since it was started.
    pub fn log(&self) -> String {
        self.process().log()
    }

    /// Changes a setting from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.into(), value.into()));
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn process(&self) -> &RedisProcess {
        self.process.as_ref().expect("the server runs")
    }

    /// Ends it as a power cut would.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// Ends it in order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = Pid::from_raw(process.id().cast_signed()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            process.ended();
        }
    }

    /// Holds the process still: its connections stay, and nothing is answered.
    pub fn freeze(&self) {
        kill_process(Pid::from_raw(self.id().cast_signed()).unwrap(), Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        kill_process(Pid::from_raw(self.id().cast_signed()).unwrap(), Signal::CONT).unwrap();
    }

    /// Starts it again (ends it before, as a power cut would, where it runs): same port, same folder.
    pub fn restart(&mut self) {
        self.process = None;
        self.process = self.launch();
        assert!(self.process.is_some(), "somebody took port {}", self.port);
    }

    /// As `restart`, but returns while it reads what it has (which takes long, with `("key-load-delay", "1000")`).
    pub fn restart_loading(&mut self) {
        self.process = None;
        self.process = self.launch_until("Server initialized");
        assert!(self.process.is_some(), "somebody took port {}", self.port);
    }

    /// What redis-cli says to this command.
    pub fn cli(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.arg("-s").arg(self.socket());
        if let Some(password) = self.setting("requirepass") {
            cli.args(["-a", password, "--no-auth-warning"]);
        }
        let output = cli.args(command).output().expect("install redis-server, redis-cli comes with it");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// A field of INFO.
    pub fn field(&self, name: &str) -> Option<String> {
        let all = self.cli(&["INFO", "everything"]);
        let fits =
            |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned());
        all.lines().find_map(fits)
    }
}

//! The real binary: started in a folder of its own, asked to stop or killed, started again, and what it logs.

use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

use super::http::{Answer, ask};
use super::process::{Process, command, free_port, launch};
use super::site_server::SiteServer;

/// Two workers, so that requests for one connection land on the other one too.
const CONFIG: &str = "host: 127.0.0.1\nworkers: 2\n";

/// How a gateway is to be started.
pub struct Setup {
    config: String,
    sites: String,
    env: Vec<(String, String)>,
    no_size_signal: bool,
}

impl Setup {
    pub fn new() -> Self {
        Self { config: CONFIG.to_owned(), sites: String::new(), env: Vec::new(), no_size_signal: false }
    }

    /// One site `demo` with user rooms, on this backend.
    pub fn demo(server: &SiteServer) -> Self {
        Self::new().site("demo", server, "")
    }

    /// More lines of config.yml.
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// A site with user rooms `user_`, on this backend. `more` are further lines of it, without indentation.
    pub fn site(self, name: &str, server: &SiteServer, more: &str) -> Self {
        self.broadcast_site(name, server, &format!("userRoomPrefix: user_\n{more}"))
    }

    /// A site without user rooms.
    pub fn broadcast_site(mut self, name: &str, server: &SiteServer, more: &str) -> Self {
        let (url, key) = (server.url("/auth"), Gateway::key(name));
        self.sites.push_str(&format!("{name}:\n  authUrl: {url}\n  apiKey: {key}\n"));
        for line in more.lines() {
            self.sites.push_str(&format!("  {line}\n"));
        }
        self
    }

    /// The whole of sites.yml.
    pub fn sites(mut self, text: &str) -> Self {
        text.clone_into(&mut self.sites);
        self
    }

    /// A variable of the environment, which is otherwise empty.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Files that may not grow are then an error to it, and not the end: see [`Gateway::limit_files`].
    pub fn no_size_signal(mut self) -> Self {
        self.no_size_signal = true;
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Gateway {
        let gateway = self.start_unready().await;
        gateway.ready().await;
        gateway
    }

    /// Starts it and waits until it listens, ready or not.
    pub async fn start_unready(self) -> Gateway {
        let folder = self.folder();
        let Self { env, no_size_signal, .. } = self;
        let (process, port) = launch(folder.path(), free_port(), &env, no_size_signal).await;
        Gateway { port, folder, env, no_size_signal, process, earlier: Vec::new() }
    }

    /// Starts it, and it must end by itself: how, and all that it said.
    pub async fn start_in_vain(self) -> (ExitStatus, String) {
        let folder = self.folder();
        let mut process =
            Process::start(&mut command(self.no_size_signal), folder.path(), free_port(), &self.env);
        let status = process.ended().await;
        let said = process.lines.lock().unwrap().join("\n");
        (status, said)
    }

    fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.yml"), &self.config).unwrap();
        std::fs::write(folder.path().join("sites.yml"), &self.sites).unwrap();
        folder
    }
}

/// A running gateway; killed when dropped.
pub struct Gateway {
    pub port: u16,
    folder: TempDir,
    env: Vec<(String, String)>,
    no_size_signal: bool,
    process: Process,
    /// What the processes before this one logged.
    earlier: Vec<String>,
}

impl Gateway {
    /// The key of a site.
    pub fn key(site: &str) -> String {
        format!("key-of-{site}-0123456789")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// One GET on a connection of its own.
    pub async fn get(&self, path: &str) -> Answer {
        ask(self.port, "GET", path, &[], b"").await
    }

    async fn ready(&self) {
        let ready = self.get("/readyz").await;
        assert_eq!(ready.status, 200, "{}", ready.text());
    }

    /// Everything that was logged so far, and written to standard error; of all its processes.
    pub fn logs(&self) -> Vec<String> {
        let mut all = self.earlier.clone();
        all.extend(self.process.lines.lock().unwrap().iter().cloned());
        all
    }

    /// Waits for a line of the running process that holds this text.
    pub async fn log_line(&self, text: &str) -> String {
        self.process.line(&[text]).await
    }

    /// Nothing of this must be in the log.
    pub fn assert_not_logged(&self, secrets: &[&str]) {
        for line in self.logs() {
            for secret in secrets {
                assert!(!line.contains(secret), "{secret} stands in the log: {line}");
            }
        }
    }

    /// No file of it may be written beyond this many bytes; `None` lifts the limit.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(Pid::from_child(&self.process.child)), Resource::Fsize, limit).unwrap();
    }

    /// SIGKILL; it is gone when this returns.
    pub async fn kill9(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.ended().await;
    }

    /// SIGTERM without waiting for what comes of it.
    pub fn ask_to_stop(&self) {
        self.process.signal(Signal::TERM);
    }

    /// SIGINT, as from a terminal.
    pub fn interrupt(&self) {
        self.process.signal(Signal::INT);
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_stop();
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Starts another process on the same store, which must end by itself: how, and all that it said.
    pub async fn start_on_its_store(&self) -> (ExitStatus, String) {
        let mut process = Process::start(&mut command(false), self.folder.path(), free_port(), &self.env);
        let status = process.ended().await;
        let said = process.lines.lock().unwrap().join("\n");
        (status, said)
    }

    /// Other sites from the next start on.
    pub fn change_sites(&self, change: impl FnOnce(String) -> String) {
        let file = self.folder.path().join("sites.yml");
        std::fs::write(&file, change(std::fs::read_to_string(&file).unwrap())).unwrap();
    }

    /// Starts another process on the same port, with a store of its own, which must end by itself: how, and all that
    /// it said.
    pub async fn start_beside(&self) -> (ExitStatus, String) {
        let folder = tempfile::tempdir().unwrap();
        for file in ["config.yml", "sites.yml"] {
            std::fs::copy(self.folder.path().join(file), folder.path().join(file)).unwrap();
        }
        let mut process = Process::start(&mut command(false), folder.path(), self.port, &self.env);
        let status = process.ended().await;
        let said = process.lines.lock().unwrap().join("\n");
        (status, said)
    }

    /// Starts a new process on the same folder, and on the same port unless somebody else has taken it meanwhile; the
    /// old one must have ended.
    pub async fn start_again(&mut self) {
        self.start_again_unready().await;
        self.ready().await;
    }

    /// The same, without being ready: what it stands on may be away.
    pub async fn start_again_unready(&mut self) {
        self.earlier = self.logs();
        (self.process, self.port) =
            launch(self.folder.path(), self.port, &self.env, self.no_size_signal).await;
    }
}

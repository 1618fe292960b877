//! Processes of the real binary, and what they write.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::site_server::PATIENCE;

/// How far the output has been read.
#[derive(Default, Clone, Copy)]
struct Output {
    lines: usize,
    /// Streams that have ended, of two.
    ended: usize,
}

/// Starts a process and waits until it listens: on this port, or on another one where somebody has taken that.
pub async fn launch(
    folder: &Path,
    mut port: u16,
    env: &[(String, String)],
    no_size_signal: bool,
) -> (Process, u16) {
    for _ in 0..20 {
        let process = Process::start(&mut command(no_size_signal), folder, port, env);
        let line = process.line(&["\"listening\"", "Address already in use"]).await;
        if line.contains("\"listening\"") {
            return (process, port);
        }
        port = free_port();
    }
    panic!("no free port");
}

/// One process; killed when dropped.
pub struct Process {
    pub child: Child,
    /// What it said so far, on both streams.
    pub lines: Arc<Mutex<Vec<String>>>,
    output: watch::Sender<Output>,
}

impl Process {
    pub fn start(command: &mut Command, folder: &Path, port: u16, env: &[(String, String)]) -> Self {
        command
            .args(["serve", "--config", "config.yml", "--sites", "sites.yml", "--data", "data"])
            .args(["--port", &port.to_string()]);
        Self::run(command, folder, env)
    }

    /// With its arguments as they are, and no variables of the environment but these and those of the log.
    pub fn run(command: &mut Command, folder: &Path, env: &[(String, String)]) -> Self {
        let mut child = command
            .current_dir(folder)
            .env_clear()
            .envs([("RUST_LOG", "postroom=debug,info"), ("POSTROOM_LOG_FORMAT", "json")])
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, output) = (Arc::default(), watch::Sender::new(Output::default()));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        follow(stderr, &lines, &output);
        follow(stdout, &lines, &output);
        Self { child, lines, output }
    }

    /// Waits for a line that holds one of these.
    pub async fn line(&self, texts: &[&str]) -> String {
        let mut output = self.output.subscribe();
        let fits = |line: &&String| texts.iter().any(|text| line.contains(text));
        let found = || self.lines.lock().unwrap().iter().find(fits).cloned();
        let wait = output.wait_for(|output| output.ended == 2 || found().is_some());
        let _ = tokio::time::timeout(PATIENCE, wait).await;
        found()
            .unwrap_or_else(|| panic!("no {texts:?} in the log:\n{}", self.lines.lock().unwrap().join("\n")))
    }

    /// Its number is its own for as long as nobody has waited for it.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let mut output = self.output.subscribe();
        let wait = output.wait_for(|output| output.ended == 2);
        let ended = tokio::time::timeout(PATIENCE + Duration::from_secs(10), wait).await.is_ok();
        assert!(ended, "the gateway must end; it logged:\n{}", self.lines.lock().unwrap().join("\n"));
        // Its output has ended, so this does not wait long.
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Does nothing where it has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary; through a shell that turns off SIGXFSZ, which stays off in what the shell becomes.
pub fn command(no_size_signal: bool) -> Command {
    let binary = env!("CARGO_BIN_EXE_postroom");
    if !no_size_signal {
        return Command::new(binary);
    }
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, binary]);
    shell
}

/// Reads a stream to its end on a thread of its own.
fn follow(
    stream: impl Read + Send + 'static,
    lines: &Arc<Mutex<Vec<String>>>,
    output: &watch::Sender<Output>,
) {
    let (lines, output) = (Arc::clone(lines), output.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
            output.send_modify(|output| output.lines += 1);
        }
        output.send_modify(|output| output.ended += 1);
    });
}

/// A port that nobody listens on, and that the system gives to nobody by itself: it is taken again after a restart.
/// Each is given once per process, and processes begin at different places.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (0..1000)
        .map(|_| NEXT.fetch_add(1, Ordering::Relaxed))
        .map(|next| (20_000 + (std::process::id() * 211 + next) % 12_000) as u16)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

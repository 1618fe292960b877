//! One process of redis-server, and what it writes.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Output {
    lines: Vec<String>,
    ended: bool,
}

/// Killed when dropped.
pub struct RedisProcess {
    child: Child,
    output: Arc<(Mutex<Output>, Condvar)>,
}

impl RedisProcess {
    /// Starts it and waits until it serves; `None` where somebody has its port.
    pub fn start(folder: &Path, arguments: &[String], ready: &str) -> Option<Self> {
        let process = Self::spawn(folder, arguments);
        let (output, changed) = &*process.output;
        let has = |output: &Output, text: &str| output.lines.iter().any(|line| line.contains(text));
        let (output, _) = changed
            .wait_timeout_while(output.lock().unwrap(), Duration::from_secs(20), |output| {
                !output.ended && !has(output, ready)
            })
            .unwrap();
        if has(&output, ready) {
            drop(output);
            return Some(process);
        }
        let log = output.lines.join("\n");
        assert!(log.contains("in use"), "redis-server {arguments:?} did not start:\n{log}");
        None
    }

    fn spawn(folder: &Path, arguments: &[String]) -> Self {
        let spawned = Command::new("redis-server")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("install redis-server: these tests use the real one")
            }
            spawned => spawned.unwrap(),
        };
        let stdout = child.stdout.take().unwrap();
        let output: Arc<(Mutex<Output>, Condvar)> = Arc::default();
        let written = Arc::clone(&output);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                written.0.lock().unwrap().lines.push(line);
                written.1.notify_all();
            }
            written.0.lock().unwrap().ended = true;
            written.1.notify_all();
        });
        Self { child, output }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.output.0.lock().unwrap().lines.join("\n")
    }

    /// Waits for its end, which somebody has asked for.
    pub fn ended(&mut self) {
        super::until("redis-server ends", 20, || self.child.try_wait().unwrap().is_some());
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        // Does nothing where it has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

//! A server of its own for each test, in a directory that goes with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ends with the value.
pub(super) struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts one and waits until it takes commands.
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        command.arg(folder.path().join("s")).arg("--dir").arg(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("install redis-server: these tests start their own");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let server = Self { child, folder };
        let ready = lines.map_while(Result::ok).any(|line| line.contains("eady to accept connections"));
        assert!(ready, "redis-server ended before it was ready");
        server
    }

    pub(super) fn connection(&self) -> redis::Connection {
        let url = format!("unix://{}", self.folder.path().join("s").display());
        let connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        connection
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

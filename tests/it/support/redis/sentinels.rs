//! A master, a replica, and three sentinels that watch them.

use std::process::Command;

use tempfile::TempDir;

use super::process::RedisProcess;
use super::{RedisServer, until};
use crate::support::process::free_port;

/// All of them. The master is taken for dead after 1 s.
pub struct Sentinels {
    /// First the one that was master at the start.
    pub servers: Vec<RedisServer>,
    sentinels: Vec<Sentinel>,
}

struct Sentinel {
    port: u16,
    _folder: TempDir,
    process: Option<RedisProcess>,
}

impl Sentinels {
    /// What the sentinels call the master.
    pub const NAME: &'static str = "mymaster";

    /// The replica is in sync, and all sentinels know it and one another.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings for master and replica. A `requirepass` holds for these, not for the sentinels.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let password = settings.iter().find(|(name, _)| *name == "requirepass").map(|(_, value)| *value);
        let mut all = settings.to_vec();
        all.extend(password.map(|password| ("masterauth", password)));
        let master = RedisServer::with(&all);
        let of = format!("127.0.0.1 {}", master.port());
        all.push(("replicaof", &of));
        let replica = RedisServer::with(&all);
        until("the replica is in sync", 20, || replica.field("master_link_status").as_deref() == Some("up"));
        let sentinels = (0..3).map(|_| Sentinel::start(master.port(), password)).collect();
        let all = Self { servers: vec![master, replica], sentinels };
        until("the sentinels know everybody", 30, || all.sentinels.iter().all(Sentinel::knows_all));
        all
    }

    /// `redis://127.0.0.1:port` of each sentinel.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(|sentinel| format!("redis://127.0.0.1:{}", sentinel.port)).collect()
    }

    /// Where the master is, says the first sentinel that runs.
    pub fn master_port(&self) -> u16 {
        let running = self.sentinels.iter().find(|sentinel| sentinel.process.is_some()).unwrap();
        running
            .cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::NAME])
            .lines()
            .last()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Asks for a planned change of the master; does not wait for it.
    pub fn fail_over(&self) {
        until("the sentinels agree to change the master", 20, || {
            self.sentinels[0].cli(&["SENTINEL", "FAILOVER", Self::NAME]) == "OK"
        });
    }

    /// Kills one of the three.
    pub fn kill_sentinel(&mut self, at: usize) {
        self.sentinels[at].process = None;
    }
}

impl Sentinel {
    fn start(master: u16, password: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = Sentinels::NAME;
        for _ in 0..20 {
            let port = free_port();
            let mut text = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor {name} 127.0.0.1 {master} 2\n\
                 sentinel down-after-milliseconds {name} 1000\nsentinel failover-timeout {name} 4000\n"
            );
            if let Some(password) = password {
                text.push_str(&format!("sentinel auth-pass {name} {password}\n"));
            }
            std::fs::write(folder.path().join("sentinel.conf"), text).unwrap();
            let arguments = ["sentinel.conf".to_owned(), "--sentinel".to_owned()];
            if let Some(process) = RedisProcess::start(folder.path(), &arguments, "+monitor") {
                return Self { port, _folder: folder, process: Some(process) };
            }
        }
        panic!("no free port");
    }

    fn knows_all(&self) -> bool {
        let said = self.cli(&["SENTINEL", "MASTER", Sentinels::NAME]);
        let lines: Vec<&str> = said.lines().collect();
        let is = |name: &str, value: &str| lines.windows(2).any(|pair| pair == [name, value]);
        is("num-slaves", "1") && is("num-other-sentinels", "2")
    }

    fn cli(&self, command: &[&str]) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(command).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

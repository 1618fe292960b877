//! Two moments, and what was used between them.

use std::collections::HashMap;
use std::fs;

use anyhow::Result;
use serde::Serialize;
use tokio::time::Instant;

use super::process::{self, Cpu, Pids};

/// A thread that used less than this is not worth a line.
const WORTH_NAMING: u64 = 5_000_000;
const NAMED: usize = 12;

/// Whose time is read.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    server: Pids,
    second: Pids,
}

/// Everything that is read, at one moment.
pub struct Moment {
    at: Instant,
    server: Cpu,
    second: Cpu,
    server_threads: Threads,
    own: Cpu,
    own_threads: Threads,
    machine: Machine,
}

type Threads = HashMap<u32, (String, u64)>;

/// Ticks of all cores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Machine {
    busy: u64,
    all: u64,
}

/// Processor time of a thread.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct ThreadCpu {
    /// Its name.
    pub name: String,
    /// Seconds on a core.
    pub cpu_s: f64,
}

/// What was used between two moments.
#[derive(Debug, Default, Clone)]
pub struct Usage {
    /// Seconds between them.
    pub seconds: f64,
    /// Seconds of the server's own code.
    pub user: f64,
    /// Seconds of the kernel for the server.
    pub sys: f64,
    /// Seconds of what works for the server.
    pub second: f64,
    /// Share of all cores that was used by anybody.
    pub machine_busy: f64,
    /// Of that, what was used neither by the server, nor by what works for it, nor by the generator.
    pub others_busy: f64,
    /// The server's threads, the busiest first.
    pub threads: Vec<ThreadCpu>,
    /// The generator's.
    pub own_threads: Vec<ThreadCpu>,
}

impl Meter {
    /// Of these processes and their families.
    pub fn new(server: &[u32], second: &[u32]) -> Result<Self> {
        Ok(Self { server: Pids::new(server)?, second: Pids::new(second)? })
    }

    /// Resident memory of the server in KiB.
    pub fn resident_kib(&self) -> u64 {
        process::resident_kib(&self.server.family())
    }

    /// The server's processes, as they are now.
    pub fn server(&self) -> Vec<u32> {
        self.server.family()
    }

    /// Reads everything.
    pub fn now(&self) -> Moment {
        let family = self.server.family();
        Moment {
            at: Instant::now(),
            server: process::cpu(&family),
            second: process::cpu(&self.second.family()),
            server_threads: process::threads(&family),
            own: process::cpu(&[std::process::id()]),
            own_threads: process::threads(&[std::process::id()]),
            machine: machine(&fs::read_to_string("/proc/stat").unwrap_or_default()),
        }
    }
}

impl Moment {
    /// What was used since.
    pub fn until(&self, now: &Self) -> Usage {
        let server = now.server - self.server;
        let second = now.second - self.second;
        let seconds = now.at.duration_since(self.at).as_secs_f64();
        let machine_busy = now.machine.share_since(self.machine);
        let ours =
            (server.total() + second.total() + (now.own - self.own).total()) / cores() / seconds.max(1e-9);
        Usage {
            seconds,
            user: server.user,
            sys: server.sys,
            second: second.total(),
            machine_busy,
            others_busy: (machine_busy - ours).max(0.0),
            threads: busiest(&self.server_threads, &now.server_threads),
            own_threads: busiest(&self.own_threads, &now.own_threads),
        }
    }
}

impl Usage {
    /// Processor time of the server.
    pub fn cpu(&self) -> f64 {
        self.user + self.sys
    }

    /// The busiest thread of these, as a share of a core.
    pub fn share(&self, threads: &[ThreadCpu]) -> f64 {
        threads.first().map_or(0.0, |thread| thread.cpu_s / self.seconds.max(1e-9))
    }

    /// Both stretches together. Threads are those of both, by name.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let seconds = self.seconds + other.seconds;
        let mean = |one: f64, two: f64| (one * self.seconds + two * other.seconds) / seconds.max(1e-9);
        Self {
            seconds,
            user: self.user + other.user,
            sys: self.sys + other.sys,
            second: self.second + other.second,
            machine_busy: mean(self.machine_busy, other.machine_busy),
            others_busy: mean(self.others_busy, other.others_busy),
            threads: together(&self.threads, &other.threads),
            own_threads: together(&self.own_threads, &other.own_threads),
        }
    }
}

impl Machine {
    fn share_since(self, before: Self) -> f64 {
        self.busy.saturating_sub(before.busy) as f64 / self.all.saturating_sub(before.all).max(1) as f64
    }
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64
}

/// The first line of `/proc/stat`: user nice system idle iowait irq softirq steal, and guests, who are in user too.
fn machine(text: &str) -> Machine {
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> =
        line.split_whitespace().skip(1).take(8).filter_map(|tick| tick.parse().ok()).collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Machine { busy: all - idle, all }
}

fn busiest(before: &Threads, now: &Threads) -> Vec<ThreadCpu> {
    let spent = now.iter().map(|(id, (name, spent))| {
        let earlier = before.get(id).map_or(0, |(_, earlier)| *earlier);
        (name, spent.saturating_sub(earlier))
    });
    let mut all: Vec<ThreadCpu> = spent
        .filter(|(_, spent)| *spent >= WORTH_NAMING)
        .map(|(name, spent)| ThreadCpu { name: name.clone(), cpu_s: hundredths(spent as f64 / 1e9) })
        .collect();
    all.sort_by(|a, b| b.cpu_s.total_cmp(&a.cpu_s));
    all.truncate(NAMED);
    all
}

fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

/// Adds up two lists. Of threads with equal names the busier ones are taken for the same.
fn together(some: &[ThreadCpu], others: &[ThreadCpu]) -> Vec<ThreadCpu> {
    let mut all = some.to_vec();
    let mut taken = vec![false; all.len()];
    for other in others {
        let same = all.iter().zip(&taken).position(|(thread, taken)| !taken && thread.name == other.name);
        match same.and_then(|at| Some((all.get_mut(at)?, taken.get_mut(at)?))) {
            Some((thread, taken)) => {
                thread.cpu_s = hundredths(thread.cpu_s + other.cpu_s);
                *taken = true;
            }
            None => all.push(other.clone()),
        }
        taken.resize(all.len(), true);
    }
    all.sort_by(|a, b| b.cpu_s.total_cmp(&a.cpu_s));
    all
}

#[cfg(test)]
mod tests {
    use super::{Machine, ThreadCpu, Threads, Usage, busiest, machine, together};

    fn thread(name: &str, cpu_s: f64) -> ThreadCpu {
        ThreadCpu { name: name.to_owned(), cpu_s }
    }

    #[test]
    fn waiting_for_the_disk_is_not_busy() {
        let before = machine("cpu  100 0 50 800 50 0 0 0 9 9\ncpu0 1 1 1");
        assert_eq!(before, Machine { busy: 150, all: 1000 });
        let now = machine("cpu  160 0 70 900 60 5 5 0 9 9\n");
        assert!((now.share_since(before) - 0.45).abs() < 1e-9);
        assert_eq!(machine(""), Machine::default());
    }

    #[test]
    fn threads_are_named_by_what_they_used_since() {
        let threads = |list: &[(u32, &str, u64)]| -> Threads {
            list.iter().map(|(id, name, spent)| (*id, ((*name).to_owned(), *spent))).collect()
        };
        let before = threads(&[(1, "a", 1_000_000_000), (2, "b", 0)]);
        let now = threads(&[(1, "a", 1_500_000_000), (2, "b", 2_000_000_000), (3, "idle", 1_000)]);
        assert_eq!(busiest(&before, &now), [thread("b", 2.0), thread("a", 0.5)]);
    }

    #[test]
    fn stretches_add_up() {
        let some = [thread("worker", 2.0), thread("worker", 1.0)];
        let others = [thread("worker", 1.5), thread("worker", 0.5), thread("new", 3.0)];
        let all = together(&some, &others);
        assert_eq!(all, [thread("worker", 3.5), thread("new", 3.0), thread("worker", 1.5)]);
        let half = |busy| Usage { seconds: 2.0, user: 1.0, machine_busy: busy, ..Usage::default() };
        let sum = half(1.0).plus(&half(0.5));
        assert_eq!((sum.seconds, sum.cpu(), sum.machine_busy), (4.0, 2.0, 0.75));
    }
}

//! Processes: their families, processor time and memory.

use std::collections::HashMap;
use std::fs;
use std::ops::Sub;
use std::path::Path;

use anyhow::{Result, ensure};

/// Processes, with whom they have started.
#[derive(Debug, Clone, Default)]
pub struct Pids(Vec<u32>);

/// Processor time in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cpu {
    pub user: f64,
    pub sys: f64,
}

impl Cpu {
    /// Both kinds.
    pub fn total(self) -> f64 {
        self.user + self.sys
    }
}

impl Sub for Cpu {
    type Output = Self;

    /// A process that has ended took its time with it, so that a difference could be below nothing.
    fn sub(self, before: Self) -> Self {
        Self { user: (self.user - before.user).max(0.0), sys: (self.sys - before.sys).max(0.0) }
    }
}

/// A line of `/proc/<pid>/stat`, as far as it is of use.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    user: u64,
    sys: u64,
}

impl Pids {
    /// These, which must be there.
    pub fn new(roots: &[u32]) -> Result<Self> {
        for pid in roots {
            ensure!(stat(*pid).is_some(), "there is no process {pid}");
        }
        Ok(Self(roots.to_vec()))
    }

    /// They and their descendants, as they are now.
    pub fn family(&self) -> Vec<u32> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let all: HashMap<u32, u32> = pids().filter_map(|pid| Some((pid, stat(pid)?.parent))).collect();
        all.keys().copied().filter(|pid| self.is_kin(*pid, &all)).collect()
    }

    fn is_kin(&self, pid: u32, parents: &HashMap<u32, u32>) -> bool {
        let line = std::iter::successors(Some(pid), |pid| parents.get(pid).copied());
        line.take(64).any(|pid| self.0.contains(&pid))
    }
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name stands in brackets, and may hold brackets and blanks itself.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat { parent: number(1)? as u32, user: number(11)?, sys: number(12)? })
}

/// Processor time of all of them so far.
pub fn cpu(family: &[u32]) -> Cpu {
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    family.iter().filter_map(|pid| stat(*pid)).fold(Cpu::default(), |sum, stat| Cpu {
        user: sum.user + stat.user as f64 / ticks,
        sys: sum.sys + stat.sys as f64 / ticks,
    })
}

/// Name and nanoseconds on a core of every thread, by its id.
pub fn threads(family: &[u32]) -> HashMap<u32, (String, u64)> {
    let folders = family.iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).ok());
    folders.flatten().flatten().filter_map(|task| thread(&task.path())).collect()
}

fn thread(task: &Path) -> Option<(u32, (String, u64))> {
    let id = task.file_name()?.to_str()?.parse().ok()?;
    let name = fs::read_to_string(task.join("comm")).ok()?.trim().to_owned();
    let spent = fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse().ok()?;
    Some((id, (name, spent)))
}

/// Resident memory in KiB. Of several processes the proportional share, so that what they share counts once.
pub fn resident_kib(family: &[u32]) -> u64 {
    let (file, key) = if family.len() > 1 { ("smaps_rollup", "Pss:") } else { ("status", "VmRSS:") };
    family.iter().filter_map(|pid| kib(&fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?, key)).sum()
}

fn kib(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Cpu, Pids, Stat, cpu, kib, parse_stat, resident_kib, threads};

    #[test]
    fn a_name_may_hold_anything() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 4 0 99";
        assert_eq!(parse_stat(line), Some(Stat { parent: 3, user: 150, sys: 25 }));
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn memory_is_read_by_its_key() {
        assert_eq!(kib("Name:\tx\nVmRSS:\t   1234 kB\nPss: 1", "VmRSS:"), Some(1234));
        assert_eq!(kib("Pss_Dirty: 5 kB\nPss:  77 kB\n", "Pss:"), Some(77));
    }

    #[test]
    fn this_process_is_there_and_has_threads() {
        let pids = Pids::new(&[std::process::id()]).unwrap();
        let family = pids.family();
        assert!(family.contains(&std::process::id()));
        assert!(resident_kib(&family) > 100);
        assert!(!threads(&family).is_empty());
        assert_eq!(cpu(&[]), Cpu::default());
    }

    #[test]
    fn a_child_belongs_to_the_family() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = Pids::new(&[std::process::id()]).unwrap().family();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family.contains(&child.id()));
        assert!(Pids::new(&[child.id()]).is_err(), "it has ended");
    }
}

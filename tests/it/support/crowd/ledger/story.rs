//! What happened, in order: so that a violation can be told with all that led to it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::Name;

/// How much of a device's life is told.
const BEFORE: usize = 40;
/// How many violations are told with their stories, and how many at all.
const STORIES: usize = 3;
const TOLD: usize = 15;

struct Note {
    at: Duration,
    device: Option<usize>,
    names: Box<[Name]>,
    text: String,
}

/// Something that must not be.
struct Violation {
    at: Duration,
    device: Option<usize>,
    name: Option<Name>,
    text: String,
}

/// All that happened.
pub(super) struct Story {
    began: Instant,
    notes: Vec<Note>,
    violations: Vec<Violation>,
}

impl Story {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), notes: Vec::new(), violations: Vec::new() }
    }

    pub(super) fn note(&mut self, device: Option<usize>, names: &[Name], text: String) {
        let at = self.began.elapsed();
        self.notes.push(Note { at, device, names: names.into(), text });
    }

    pub(super) fn violation(&mut self, device: Option<usize>, name: Option<Name>, text: String) {
        let at = self.began.elapsed();
        self.violations.push(Violation { at, device, name, text });
    }

    pub(super) fn violations(&self) -> usize {
        self.violations.len()
    }

    /// The violations, the first ones with what led to them.
    pub(super) fn tell(&self) -> String {
        let mut text = String::new();
        for (at, violation) in self.violations.iter().take(TOLD).enumerate() {
            let who = violation.device.map_or_else(String::new, |device| format!("device {device}: "));
            let what = violation.name.map_or_else(String::new, |name| format!("message {} ", label(name)));
            let _ = writeln!(text, "{} {who}{what}{}", moment(violation.at), violation.text);
            if at < STORIES {
                self.lead_up(violation, &mut text);
            }
        }
        text
    }

    fn lead_up(&self, violation: &Violation, text: &mut String) {
        if let Some(name) = violation.name {
            let _ = writeln!(text, "    all of message {}:", label(name));
            let all = self.notes.iter().filter(|note| note.names.contains(&name));
            all.for_each(|note| line(note, text));
        }
        if let Some(device) = violation.device {
            let _ = writeln!(text, "    device {device}, and what befell all, before that:");
            let concerns = |note: &&Note| {
                note.at <= violation.at
                    && (note.device == Some(device) || (note.device.is_none() && note.names.is_empty()))
            };
            let life: Vec<&Note> = self.notes.iter().filter(concerns).collect();
            life[life.len().saturating_sub(BEFORE)..].iter().for_each(|note| line(note, text));
        }
    }
}

fn line(note: &Note, text: &mut String) {
    let who = note.device.map_or_else(String::new, |device| format!("device {device} "));
    let names: Vec<String> = note.names.iter().take(12).map(|name| label(*name)).collect();
    let more = if note.names.len() > 12 { ", ..." } else { "" };
    let _ = writeln!(text, "    {} {who}{} {}{more}", moment(note.at), note.text, names.join(", "));
}

fn moment(at: Duration) -> String {
    format!("{:9.3}", at.as_secs_f64())
}

fn label((sender, number): Name) -> String {
    format!("s{sender}#{number}")
}

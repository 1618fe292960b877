//! What was sent, what was received, and what must be true of it.

use std::time::{Duration, Instant, SystemTime};

use postroom::domain::Seq;

use super::device::Device;
use super::plan::{BOUNDED, DEVICES, DROPPING, GUEST, PER_USER, RESYNCING, ROVING};
use super::session::Session;

/// How far the clock of a message may be from that of its shard.
const SLACK_US: u64 = 300_000;

/// Where a message goes.
#[derive(Debug, Clone)]
pub(super) enum Target {
    User(usize),
    Shared(Vec<usize>),
    Passage(usize),
}

/// A message.
pub(super) struct Sent {
    target: Target,
    issued: Instant,
    issued_us: u64,
    /// When it was answered, and whether it was taken.
    pub(super) answered: Option<(Instant, bool)>,
}

/// All devices and messages.
pub(super) struct Ledger {
    began: Instant,
    pub(super) devices: Vec<Device>,
    pub(super) messages: Vec<Sent>,
    violations: Vec<String>,
    pub(super) shown: usize,
    pub(super) resyncs: usize,
}

impl Ledger {
    pub(super) fn new() -> Self {
        let devices = (0..DEVICES).map(Device::new).collect();
        let (messages, violations) = (Vec::new(), Vec::new());
        Self { began: Instant::now(), devices, messages, violations, shown: 0, resyncs: 0 }
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn note(&mut self, device: usize, text: String) {
        let now = self.now();
        self.devices[device].note(now, text);
    }

    /// Something is wrong; the first few with what went before.
    pub(super) fn violation(&mut self, device: Option<usize>, text: &str) {
        let story = match device {
            Some(device) if self.violations.len() < 3 => self.devices[device].story(),
            _ => String::new(),
        };
        let who = device.map_or_else(String::new, |device| format!("device {device}: "));
        self.violations.push(format!("{:9.3} {who}{text}\n{story}", self.now().as_secs_f64()));
    }

    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }

    pub(super) fn send(&mut self, target: Target) -> usize {
        let issued_us = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
        self.messages.push(Sent { target, issued: Instant::now(), issued_us, answered: None });
        self.messages.len() - 1
    }

    /// A message was answered; taken with so many recipients.
    pub(super) fn answered(&mut self, message: usize, recipients: Option<u32>) {
        if self.messages[message].answered.is_some() {
            return self.violation(None, &format!("message {message} was answered twice"));
        }
        self.messages[message].answered = Some((Instant::now(), recipients.is_some()));
        let sent = &self.messages[message];
        if let (Target::User(user @ 0..ROVING), Some(recipients)) = (&sent.target, recipients) {
            let (user, guests) = (*user, *user == GUEST + 1);
            let mut expected = of_user(user).collect::<Vec<_>>();
            if guests {
                expected.extend(of_user(GUEST));
            }
            let known = expected.iter().all(|device| self.devices[*device].is_known_since(sent.issued));
            if known && recipients as usize != expected.len() {
                self.violation(
                    Some(user * PER_USER),
                    &format!("message {message} for user {user} found {recipients} devices"),
                );
            }
        }
    }

    /// A session shows an entry to its client.
    pub(super) fn shows(&mut self, session: &mut Session, seq: Seq, message: usize) {
        let (now, device, Seq(seq)) = (self.now(), session.owner, seq);
        let slot = session.reference.slot;
        self.shown += 1;
        let owner = &mut self.devices[device];
        owner.note(now, format!("session {slot} shows {seq} = message {message}"));
        let mut wrong = Vec::new();
        if seq <= session.shown {
            wrong.push(format!("session {slot} shows {seq} behind {}", session.shown));
        }
        session.shown = seq;
        if owner.gone.get(&seq).is_some_and(|gone| *gone < session.began) {
            wrong.push(format!("session {slot} shows {seq}, which had left the inbox before it began"));
        }
        match owner.received.insert(message, seq) {
            Some(before) if before != seq => {
                wrong.push(format!("message {message} is there twice: {before} and {seq}"));
            }
            None if seq < owner.top => {
                let text = format!("message {message} ({seq}) came behind {}", owner.top);
                owner.disorder.push(format!("{text}\n{}", owner.story()));
            }
            _ => {}
        }
        owner.top = owner.top.max(seq);
        if !owner.gone.contains_key(&seq) {
            owner.waiting.insert(seq);
        }
        for text in wrong {
            self.violation(Some(device), &text);
        }
    }

    /// A session tells its client of a `_resync`.
    pub(super) fn resynced(&mut self, session: &Session, Seq(through): Seq) {
        self.resyncs += 1;
        let device = session.owner;
        self.note(device, format!("session {} shows _resync {through}", session.reference.slot));
        let owner = &mut self.devices[device];
        owner.resynced = owner.resynced.max(through);
        if owner.user() != BOUNDED && owner.user() != RESYNCING {
            self.violation(Some(device), "nothing was sent that could end in a _resync");
        }
    }

    /// These seqs stand in the inbox of a device now.
    pub(super) fn inbox(&mut self, device: usize, standing: &std::collections::HashSet<u64>) {
        let (now, owner) = (Instant::now(), &mut self.devices[device]);
        let gone: Vec<u64> = owner.waiting.difference(standing).copied().collect();
        for seq in gone {
            owner.waiting.remove(&seq);
            owner.gone.insert(seq, now);
        }
    }

    /// Messages that were taken and that a device has not received, though it should have.
    pub(super) fn missing(&self) -> Vec<(usize, usize)> {
        let mut missing = Vec::new();
        for (number, message) in self.messages.iter().enumerate() {
            let Some((answered, true)) = message.answered else { continue };
            let lacks = |device: &&Device| {
                !device.received.contains_key(&number)
                    && is_meant(device, message, answered) == Some(true)
                    && !is_excused(device, message)
            };
            missing.extend(self.devices.iter().filter(lacks).map(|device| (number, device.no)));
        }
        missing
    }

    /// What can be said only at the end.
    pub(super) fn close(&mut self) {
        for (message, device) in self.missing() {
            let sent = &self.messages[message];
            let text = format!(
                "message {message} ({:?}, at {:?}) was taken and never came",
                sent.target,
                sent.issued - self.began
            );
            self.violation(Some(device), &text);
        }
        for device in 0..self.devices.len() {
            let owner = &mut self.devices[device];
            // A paused node may still show what was cleared or dropped, though others are further on.
            let is_excused = owner.resynced > 0 || owner.user() == DROPPING;
            let disorder = std::mem::take(&mut owner.disorder);
            let disorder = if is_excused { Vec::new() } else { disorder };
            for text in disorder {
                self.violation(None, &format!("device {device}: {text}"));
            }
            let strays = self.strays(device);
            for text in strays {
                self.violation(Some(device), &text);
            }
        }
    }

    /// Messages that a device has received though it was in none of their rooms.
    fn strays(&self, device: usize) -> Vec<String> {
        let owner = &self.devices[device];
        let stray = |number: &&usize| {
            let sent = &self.messages[**number];
            let answered =
                sent.answered.map_or(sent.issued + Duration::from_secs(4), |(answered, _)| answered);
            is_meant(owner, sent, answered) == Some(false)
        };
        let strays = owner.received.keys().filter(stray);
        strays.map(|number| format!("message {number} was not for it")).collect()
    }
}

fn of_user(user: usize) -> std::ops::Range<usize> {
    user * PER_USER..(user + 1) * PER_USER
}

/// Whether a message is for a device, where that is certain.
fn is_meant(device: &Device, message: &Sent, answered: Instant) -> Option<bool> {
    let meant = match &message.target {
        Target::User(user) => *user == device.user() || (*user == GUEST + 1 && device.user() == GUEST),
        Target::Shared(rooms) => rooms.iter().any(|room| device.is_in(*room)),
        Target::Passage(passage) => device.in_passage(*passage, message.issued, answered)?,
    };
    if !meant {
        return Some(false);
    }
    device.known_before(message.issued).then_some(true)
}

/// Whether a message may have been dropped, cleared or forgotten on behalf of a device.
fn is_excused(device: &Device, message: &Sent) -> bool {
    device.user() == DROPPING
        || device.forgotten.is_some_and(|end| message.issued <= end)
        || (device.resynced > 0 && message.issued_us <= device.resynced * 128 + SLACK_US)
}

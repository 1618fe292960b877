//! A device of the test, and all that is known of what it has received.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use postroom::domain::{DeviceKey, DeviceNo, Room, SiteName};

use super::plan::{GUEST, PER_USER, SHARED};

/// Events that are shown with a violation.
const STORY: usize = 60;
/// For how long a connect that was not answered may still come to something.
const LINGERS: Duration = Duration::from_secs(4);
/// Who is away for less is not forgotten in any run.
const ABSENCE: Duration = Duration::from_secs(1);

/// A connect: which passage it was for, and what came of it.
struct Attempt {
    issued: Instant,
    passage: Option<usize>,
    /// When it was sure not to be carried out any more.
    settled: Option<Instant>,
    answered: bool,
}

/// A device.
pub(super) struct Device {
    pub(super) no: usize,
    attempts: Vec<Attempt>,
    /// What the store calls it.
    pub(super) number: Option<DeviceNo>,
    /// Sessions that it began and that have not ended.
    pub(super) sessions: Vec<u32>,
    pub(super) away_since: Option<Instant>,
    pub(super) was_lost: bool,
    /// Ends of absences in which it may have been forgotten.
    pub(super) forgotten: Option<Instant>,
    /// The seq under which it has each message.
    pub(super) received: HashMap<usize, u64>,
    /// The greatest seq of all.
    pub(super) top: u64,
    /// Seqs that were shown and may still stand in the inbox.
    pub(super) waiting: HashSet<u64>,
    /// Those that do not stand there any more, and since when.
    pub(super) gone: HashMap<u64, Instant>,
    /// The last entry of those that a `_resync` stood for.
    pub(super) resynced: u64,
    pub(super) disorder: Vec<String>,
    story: VecDeque<(Duration, String)>,
}

impl Device {
    pub(super) fn new(no: usize) -> Self {
        Self {
            no,
            attempts: Vec::new(),
            number: None,
            sessions: Vec::new(),
            away_since: None,
            was_lost: false,
            forgotten: None,
            received: HashMap::new(),
            top: 0,
            waiting: HashSet::new(),
            gone: HashMap::new(),
            resynced: 0,
            disorder: Vec::new(),
            story: VecDeque::new(),
        }
    }

    pub(super) fn user(&self) -> usize {
        self.no / PER_USER
    }

    pub(super) fn key(&self) -> DeviceKey {
        DeviceKey {
            site: SiteName::new("demo").unwrap(),
            primary: user_room(self.user()).into(),
            device_id: format!("d{}", self.no % PER_USER).into(),
        }
    }

    pub(super) fn rooms(&self, passage: Option<usize>) -> Vec<Room> {
        let mut rooms = vec![user_room(self.user())];
        if self.user() == GUEST {
            rooms.push(user_room(GUEST + 1));
        }
        let shared = (0..SHARED.len()).filter(|room| self.is_in(*room));
        rooms.extend(shared.map(|room| SHARED[room].to_owned()));
        rooms.extend(passage.map(passage_room));
        rooms.sort();
        rooms.iter().map(|name| Room::stored(name)).collect()
    }

    /// Whether it is always in this shared room.
    pub(super) fn is_in(&self, shared: usize) -> bool {
        (self.no * 7 + shared * 3) % 5 < 3
    }

    pub(super) fn attempt(&mut self, passage: Option<usize>) -> usize {
        let issued = Instant::now();
        self.attempts.push(Attempt { issued, passage, settled: None, answered: false });
        self.attempts.len() - 1
    }

    /// Whether it may be in another passage since that connect.
    pub(super) fn has_moved(&self, attempt: usize) -> bool {
        let passage = self.attempts[attempt].passage;
        let since = self.attempts[attempt].issued;
        let later = |other: &&Attempt| other.settled.is_none_or(|settled| settled >= since);
        self.attempts.iter().filter(later).any(|other| other.passage != passage)
    }

    /// A connect was answered, or its answer will never be known.
    pub(super) fn settle(&mut self, attempt: usize, answered: bool) {
        let attempt = &mut self.attempts[attempt];
        if attempt.settled.is_none() {
            attempt.answered = answered;
            attempt.settled = Some(Instant::now() + if answered { Duration::ZERO } else { LINGERS });
        }
    }

    /// Whether it was connected for the first time before this.
    pub(super) fn known_before(&self, moment: Instant) -> bool {
        self.attempts.iter().any(|attempt| attempt.answered && attempt.settled < Some(moment))
    }

    /// Whether it was known then, and cannot have been forgotten since.
    pub(super) fn is_known_since(&self, moment: Instant) -> bool {
        let is_away = self.was_lost || self.away_since.is_some_and(|since| since.elapsed() >= ABSENCE);
        self.known_before(moment) && !is_away && self.forgotten.is_none_or(|end| end < moment)
    }

    /// Whether it was (or was not) in a passage all the time between these moments, where that is certain.
    pub(super) fn in_passage(&self, passage: usize, from: Instant, to: Instant) -> Option<bool> {
        let certain = |attempt: &&Attempt| attempt.answered && attempt.settled < Some(from);
        let last = self.attempts.iter().rfind(certain)?;
        let was_in = last.passage == Some(passage);
        let disturbs = |other: &Attempt| {
            (other.passage == Some(passage)) != was_in
                && other.issued <= to
                && other.settled.is_none_or(|settled| settled >= last.issued)
        };
        (!self.attempts.iter().any(disturbs)).then_some(was_in)
    }

    pub(super) fn note(&mut self, at: Duration, text: String) {
        if self.story.len() == STORY {
            self.story.pop_front();
        }
        self.story.push_back((at, text));
    }

    pub(super) fn story(&self) -> String {
        let lines = self.story.iter().map(|(at, text)| format!("    {:9.3} {text}\n", at.as_secs_f64()));
        lines.collect()
    }
}

pub(super) fn user_room(user: usize) -> String {
    format!("user_{user}")
}

pub(super) fn passage_room(passage: usize) -> String {
    format!("passage_{passage}")
}

//! Any order of events, played against an inbox: every entry once on each session, in order, none left behind.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;

use super::super::*;
use crate::domain::Page;

const SESSIONS: usize = 2;
const ALL_HEAR: [bool; SESSIONS] = [false; SESSIONS];

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Append,
    /// Appended, and lost on the way to this session.
    Lost(usize),
    /// The loss is noticed without anything new being appended.
    Noticed(usize),
    /// More than can be held back.
    Burst,
    /// The next piece of mail reaches a session.
    Mail(usize),
    /// The store comes to a session's read, with this limit.
    Read(usize, usize, Pace),
    /// The reader thread is done.
    Fetched(usize),
    /// An entry is acknowledged, counted from the newest.
    AckEntry(usize, usize),
    AckBatch(usize),
    /// Cleared; the news is lost on the way to these sessions.
    Clear([bool; SESSIONS]),
    Overdue(usize),
}

/// How the answer to a read comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Behind all that was said before.
    InTurn,
    /// The reader thread fetches it: later things may come before it.
    Slow,
    /// On a way of its own: it comes before earlier things.
    Fast,
}

enum Mail {
    Entry(Seq),
    Page(Page),
    Resync(Seq),
    Missed,
}

#[derive(Default)]
struct Session {
    flow: Flow,
    line: VecDeque<Mail>,
    asked: VecDeque<Seq>,
    fetching: Option<Page>,
    /// Since the beginning, or since it started over.
    seen: Vec<Seq>,
    ever: BTreeSet<Seq>,
    /// A batch that something behind it waits for.
    batch: Option<Seq>,
    /// Something was lost on the way here, and it was not noticed yet.
    gap: bool,
    /// The last `_resync` that it was told.
    told: Option<Seq>,
}

#[derive(Default)]
struct World {
    last: u64,
    inbox: BTreeSet<Seq>,
    cleared: Option<Seq>,
    sessions: [Session; SESSIONS],
}

fn event() -> Event {
    Event::stored(Bytes::new())
}

impl Session {
    fn emit(&mut self, seq: Seq) {
        assert!(self.seen.last().is_none_or(|last| *last < seq), "{seq:?} after {:?}", self.seen);
        assert!(self.told < Some(seq), "{seq:?} was cleared, and the client knows it");
        self.seen.push(seq);
        self.ever.insert(seq);
    }

    fn take(&mut self, step: Step) {
        if let Step::Read(after) = step {
            assert!(self.asked.is_empty() && self.fetching.is_none(), "two reads at a time");
            assert!(!self.line.iter().any(|mail| matches!(mail, Mail::Page(_))), "two reads at a time");
            self.asked.push_back(after);
        }
    }

    /// Nothing that was said before a loss can come behind its discovery.
    fn hear(&mut self, mail: Mail) {
        self.notice();
        self.line.push_back(mail);
    }

    fn notice(&mut self) {
        if std::mem::take(&mut self.gap) {
            self.line.push_back(Mail::Missed);
        }
    }

    fn cleared(&mut self, through: Seq) -> Step {
        if self.told >= Some(through) {
            return Step::Rest;
        }
        (self.batch, self.told) = (None, Some(through));
        self.flow.cleared(through)
    }

    fn page(&mut self, page: &Page) {
        if let Some(through) = page.resync {
            assert_eq!(self.cleared(through), Step::Rest, "a page is there");
        }
        let known = self.flow.last();
        let fresh: Vec<Seq> = page.entries.iter().map(|(seq, _)| *seq).filter(|seq| *seq > known).collect();
        if let Some(last) = fresh.last() {
            assert_eq!(self.batch.replace(*last), None, "a batch before the ack of the one before");
        }
        for seq in &fresh {
            self.emit(*seq);
        }
        let (step, held) = self.flow.page(fresh.last().copied(), page.through, page.more);
        for (seq, _) in &held {
            self.emit(*seq);
        }
        if self.flow.is_live() {
            self.batch = None;
        }
        self.take(step);
    }

    fn mail(&mut self) {
        match self.line.pop_front() {
            None => {}
            Some(Mail::Entry(seq)) => {
                let now = self.flow.skip_to(seq, seq) || self.flow.entry(seq, &event());
                if now {
                    self.emit(seq);
                }
            }
            Some(Mail::Page(page)) => self.page(&page),
            Some(Mail::Resync(through)) => {
                let step = self.cleared(through);
                self.take(step);
            }
            Some(Mail::Missed) => {
                let step = self.flow.missed();
                self.take(step);
            }
        }
    }
}

impl World {
    fn append(&mut self, lost: [bool; SESSIONS]) {
        // An inbox's numbers have gaps.
        self.last += 1 + self.last % 3;
        let seq = Seq(self.last);
        self.inbox.insert(seq);
        self.tell(lost, || Mail::Entry(seq));
    }

    fn tell(&mut self, lost: [bool; SESSIONS], mail: impl Fn() -> Mail) {
        for (session, lost) in self.sessions.iter_mut().zip(lost) {
            if lost { session.gap = true } else { session.hear(mail()) }
        }
    }

    fn read(&mut self, at: usize, limit: usize, pace: Pace) {
        let session = &mut self.sessions[at];
        let Some(after) = session.asked.pop_front() else { return };
        let waiting: Vec<Seq> = self.inbox.range(Seq(after.0 + 1)..).copied().collect();
        let more = waiting.len() > limit;
        let seqs = &waiting[..waiting.len().min(limit)];
        let through = if more { seqs[seqs.len() - 1] } else { Seq(self.last) };
        let entries = seqs.iter().map(|seq| (*seq, event())).collect();
        let page = Page { entries, through, more, resync: self.cleared };
        match pace {
            Pace::InTurn => session.line.push_back(Mail::Page(page)),
            Pace::Slow => session.fetching = Some(page),
            Pace::Fast => session.line.push_front(Mail::Page(page)),
        }
    }

    /// What was acknowledged meanwhile is not found any more.
    fn fetched(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        let Some(mut page) = session.fetching.take() else { return };
        page.entries.retain(|(seq, _)| self.inbox.contains(seq));
        session.line.push_back(Mail::Page(page));
    }

    fn ack_batch(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        let Some(seq) = session.batch.take() else { return };
        let unseen = self.inbox.range(..=seq).find(|seq| !session.ever.contains(seq));
        assert_eq!(unseen, None, "acknowledged without having been sent");
        self.inbox.retain(|waiting| *waiting > seq);
        let step = session.flow.batch_acknowledged(seq);
        session.take(step);
    }

    fn ack_entry(&mut self, at: usize, which: usize) {
        let seen = &self.sessions[at].seen;
        if let Some(seq) = seen.len().checked_sub(1 + which).and_then(|place| seen.get(place)) {
            self.inbox.remove(seq);
        }
    }

    fn clear(&mut self, lost: [bool; SESSIONS]) {
        let Some(through) = self.inbox.last().copied() else { return };
        self.inbox.clear();
        self.cleared = Some(through);
        self.tell(lost, || Mail::Resync(through));
    }

    fn overdue(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        let step = session.flow.restart();
        if step != Step::Rest {
            (session.seen, session.batch) = (Vec::new(), None);
        }
        session.take(step);
        assert!(session.ever.last().is_none_or(|last| session.flow.top() >= *last), "late acks are lost");
    }

    fn play(&mut self, happening: Happening) {
        match happening {
            Happening::Append => self.append(ALL_HEAR),
            Happening::Lost(at) => self.append(std::array::from_fn(|session| session == at)),
            Happening::Noticed(at) => self.sessions[at].notice(),
            Happening::Burst => (0..HELD + 9).for_each(|_| self.append(ALL_HEAR)),
            Happening::Mail(at) => self.sessions[at].mail(),
            Happening::Read(at, limit, pace) => self.read(at, limit, pace),
            Happening::Fetched(at) => self.fetched(at),
            Happening::AckEntry(at, which) => self.ack_entry(at, which),
            Happening::AckBatch(at) => self.ack_batch(at),
            Happening::Clear(lost) => self.clear(lost),
            Happening::Overdue(at) => self.overdue(at),
        }
    }

    fn settle(&mut self) {
        self.sessions.iter_mut().for_each(Session::notice);
        let mut turns = 0;
        while self.sessions.iter().any(|session| !session.flow.is_live() || !session.line.is_empty()) {
            turns += 1;
            assert!(turns < 100_000, "a session waits for something that does not come");
            for at in 0..SESSIONS {
                self.read(at, 50, Pace::InTurn);
                self.fetched(at);
                self.sessions[at].mail();
                if self.sessions[at].line.is_empty() {
                    self.ack_batch(at);
                }
            }
        }
    }
}

fn pace() -> impl Strategy<Value = Pace> {
    prop_oneof![Just(Pace::InTurn), Just(Pace::Slow), Just(Pace::Fast)]
}

fn happenings() -> impl Strategy<Value = Happening> {
    let at = || 0..SESSIONS;
    prop_oneof![
        4 => Just(Happening::Append),
        2 => at().prop_map(Happening::Lost),
        1 => at().prop_map(Happening::Noticed),
        1 => Just(Happening::Burst),
        12 => at().prop_map(Happening::Mail),
        6 => (at(), 1..5_usize, pace()).prop_map(|(at, limit, pace)| Happening::Read(at, limit, pace)),
        4 => at().prop_map(Happening::Fetched),
        4 => (at(), 0..9_usize).prop_map(|(at, which)| Happening::AckEntry(at, which)),
        4 => at().prop_map(Happening::AckBatch),
        1 => any::<[bool; SESSIONS]>().prop_map(Happening::Clear),
        1 => at().prop_map(Happening::Overdue),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_every_entry_is_emitted_once_and_in_order(
        before in 0..5_usize,
        happenings in prop::collection::vec(happenings(), 0..120),
    ) {
        let mut world = World::default();
        (0..before).for_each(|_| world.append(ALL_HEAR));
        for session in &mut world.sessions {
            session.line.clear();
            session.asked.push_back(Seq(0));
        }
        for happening in happenings {
            world.play(happening);
        }
        world.settle();
        for session in &world.sessions {
            let left: Vec<&Seq> = world.inbox.iter().filter(|seq| !session.seen.contains(seq)).collect();
            prop_assert!(left.is_empty(), "left behind: {left:?}");
            prop_assert_eq!(session.told, world.cleared, "the last _resync was not told");
        }
    }
}

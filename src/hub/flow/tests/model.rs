//! Any order of events, played against an inbox: every entry once on each session, in order, none left behind.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;

use super::super::*;
use crate::domain::Page;

const SESSIONS: usize = 2;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Append,
    /// More than can be held back.
    Burst,
    /// The next piece of mail reaches a session.
    Mail(usize),
    /// The store comes to a session's read, with this limit. True: the reader thread fetches it.
    Read(usize, usize, bool),
    /// The reader thread is done.
    Fetched(usize),
    /// An entry is acknowledged, counted from the newest.
    AckEntry(usize, usize),
    AckBatch(usize),
    Clear,
    Overdue(usize),
}

enum Mail {
    Entry(Seq),
    Page(Page),
    Resync(Seq),
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
}

#[derive(Default)]
struct World {
    last: u64,
    inbox: BTreeSet<Seq>,
    sessions: [Session; SESSIONS],
}

fn event() -> Event {
    Event::stored(Bytes::new())
}

impl Session {
    fn emit(&mut self, seq: Seq) {
        assert!(self.seen.last().is_none_or(|last| *last < seq), "{seq:?} after {:?}", self.seen);
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

    fn page(&mut self, page: &Page) {
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
                self.batch = None;
                let step = self.flow.cleared(through);
                self.take(step);
            }
        }
    }
}

impl World {
    fn append(&mut self) {
        // An inbox's numbers have gaps.
        self.last += 1 + self.last % 3;
        let seq = Seq(self.last);
        self.inbox.insert(seq);
        self.sessions.iter_mut().for_each(|session| session.line.push_back(Mail::Entry(seq)));
    }

    fn read(&mut self, at: usize, limit: usize, slow: bool) {
        let session = &mut self.sessions[at];
        let Some(after) = session.asked.pop_front() else { return };
        let waiting: Vec<Seq> = self.inbox.range(Seq(after.0 + 1)..).copied().collect();
        let more = waiting.len() > limit;
        let seqs = &waiting[..waiting.len().min(limit)];
        let through = if more { seqs[seqs.len() - 1] } else { Seq(self.last) };
        let entries = seqs.iter().map(|seq| (*seq, event())).collect();
        let page = Page { entries, through, more, resync: None };
        if slow { session.fetching = Some(page) } else { session.line.push_back(Mail::Page(page)) }
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

    fn clear(&mut self) {
        let Some(through) = self.inbox.last().copied() else { return };
        self.inbox.clear();
        self.sessions.iter_mut().for_each(|session| session.line.push_back(Mail::Resync(through)));
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
            Happening::Append => self.append(),
            Happening::Burst => (0..HELD + 9).for_each(|_| self.append()),
            Happening::Mail(at) => self.sessions[at].mail(),
            Happening::Read(at, limit, slow) => self.read(at, limit, slow),
            Happening::Fetched(at) => self.fetched(at),
            Happening::AckEntry(at, which) => self.ack_entry(at, which),
            Happening::AckBatch(at) => self.ack_batch(at),
            Happening::Clear => self.clear(),
            Happening::Overdue(at) => self.overdue(at),
        }
    }

    fn settle(&mut self) {
        let mut turns = 0;
        while self.sessions.iter().any(|session| !session.flow.is_live() || !session.line.is_empty()) {
            turns += 1;
            assert!(turns < 100_000, "a session waits for something that does not come");
            for at in 0..SESSIONS {
                self.read(at, 50, false);
                self.fetched(at);
                self.sessions[at].mail();
                if self.sessions[at].line.is_empty() {
                    self.ack_batch(at);
                }
            }
        }
    }
}

fn happenings() -> impl Strategy<Value = Happening> {
    let at = || 0..SESSIONS;
    prop_oneof![
        4 => Just(Happening::Append),
        1 => Just(Happening::Burst),
        12 => at().prop_map(Happening::Mail),
        6 => (at(), 1..5_usize, any::<bool>()).prop_map(|(at, limit, slow)| Happening::Read(at, limit, slow)),
        4 => at().prop_map(Happening::Fetched),
        4 => (at(), 0..9_usize).prop_map(|(at, which)| Happening::AckEntry(at, which)),
        4 => at().prop_map(Happening::AckBatch),
        1 => Just(Happening::Clear),
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
        (0..before).for_each(|_| world.append());
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
        }
    }
}

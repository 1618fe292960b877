//! What the hub sends to whom, on wires that only write down.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::domain::{Event, Site, SiteName};
use crate::hub::{HubOptions, Outbox, SessionSeed};

/// Takes everything, or nothing while it is blocked.
#[derive(Default)]
struct Notes {
    seen: RefCell<Vec<u8>>,
    blocked: Cell<bool>,
    closed: Cell<Option<CloseReason>>,
}

impl Wire for Notes {
    fn flush(&self, outbox: &mut Outbox, _: &mut Vec<u8>) -> Flushed {
        if self.blocked.get() {
            return Flushed::Blocked;
        }
        outbox.frames().for_each(|frame| self.seen.borrow_mut().extend_from_slice(frame.bytes()));
        outbox.remove(usize::MAX);
        Flushed::All
    }

    fn await_room(self: Rc<Self>, _: LinkId) {}

    fn close(self: Rc<Self>, reason: CloseReason) {
        self.closed.set(Some(reason));
    }
}

/// Writes `<seq>;`, a batch as `[<seq>;<seq>;]`, a resync as `R`.
struct Plain;

impl Dialect for Plain {
    fn event(&self, _: &SiteName, ack: Option<AckId>, _: &Event, frame: &mut Frame) {
        put(frame, &format!("{};", ack.map_or(0, AckId::get)));
    }

    fn batch(&self, _: &SiteName, _: AckId, events: &[(Seq, Event)], frame: &mut Frame) {
        let seqs: Vec<String> = events.iter().map(|(seq, _)| seq.0.to_string()).collect();
        put(frame, &format!("[{};]", seqs.join(";")));
    }

    fn resync(&self, _: &SiteName, frame: &mut Frame) {
        put(frame, "R");
    }
}

fn put(frame: &mut Frame, text: &str) {
    frame.push(|out| {
        out.extend_from_slice(text.as_bytes());
        crate::hub::Span { start: 0, len: 0, binary: false }
    });
}

struct Rig {
    hub: Rc<Hub>,
    site: Arc<Site>,
}

impl Rig {
    fn new(outbox_limit: usize) -> Self {
        Self { hub: Hub::new(HubOptions { outbox_limit }), site: Arc::new(Site::sample("s")) }
    }

    fn link(&self) -> (LinkId, Rc<Notes>) {
        let id = Cell::new(None);
        let wire = self.hub.open_link(|link| {
            id.set(Some(link));
            Rc::new(Notes::default())
        });
        (id.get().unwrap(), wire)
    }

    fn session(&self, link: LinkId) -> SessionId {
        self.session_of(link, &Plain)
    }

    fn session_of(&self, link: LinkId, dialect: &'static dyn Dialect) -> SessionId {
        let welcome = Some(Rc::new(Frame::control(b"W".to_vec())));
        self.hub.attach(SessionSeed { link, site: Arc::clone(&self.site), dialect, welcome })
    }

    fn seen(&self, wire: &Notes) -> String {
        while self.hub.flush(1) {}
        String::from_utf8(wire.seen.take()).unwrap()
    }

    fn entry(&self, seq: u64) {
        self.hub.entries(&[(Seq(seq), event())], &self.site.name, &[DEVICE], 0);
    }
}

const DEVICE: DeviceNo = DeviceNo(1);

fn event() -> Event {
    Event::stored(Bytes::from_static(b"[]"))
}

fn page(seqs: &[u64], through: u64) -> Page {
    let entries = seqs.iter().map(|seq| (Seq(*seq), event())).collect();
    Page { entries, through: Seq(through), more: false, resync: None }
}

#[test]
fn a_session_whose_link_has_gone_says_nothing_to_the_next_link_in_its_place() {
    let rig = Rig::new(1 << 20);
    let (gone, _) = rig.link();
    let session = rig.session(gone);
    rig.hub.close_link(gone);
    let (next, wire) = rig.link();
    assert_eq!((next.slot, next == gone), (gone.slot, false));
    assert!(rig.hub.admit(session, DEVICE, &page(&[1], 1), 0).is_some());
    rig.entry(2);
    rig.hub.resync(DEVICE, Seq(2));
    assert_eq!(rig.seen(&wire), "");
}

#[test]
fn a_resync_is_proved_only_by_what_was_written_behind_it() {
    let rig = Rig::new(1 << 20);
    let (link, _wire) = rig.link();
    let session = rig.session(link);
    rig.hub.admit(session, DEVICE, &page(&[], 3), 0);
    rig.entry(7);
    // Cleared before 7 was appended, told after it.
    rig.hub.resync(DEVICE, Seq(5));
    let proved = |seq| rig.hub.with_kept(session, |kept| kept.resync.unwrap().proved_by(Seq(seq)));
    assert_eq!((proved(7), proved(8)), (Some(false), Some(true)));
}

#[test]
fn dialects_without_size_are_told_apart() {
    struct Loud;

    impl Dialect for Loud {
        fn event(&self, _: &SiteName, _: Option<AckId>, _: &Event, frame: &mut Frame) {
            put(frame, "!");
        }

        fn batch(&self, _: &SiteName, _: AckId, _: &[(Seq, Event)], _: &mut Frame) {}

        fn resync(&self, _: &SiteName, _: &mut Frame) {}
    }

    let rig = Rig::new(1 << 20);
    let ((one, quiet), (two, loud)) = (rig.link(), rig.link());
    for session in [rig.session(one), rig.session_of(two, &Loud)] {
        rig.hub.admit(session, DEVICE, &page(&[], 0), 0);
    }
    rig.entry(1);
    assert_eq!((rig.seen(&quiet), rig.seen(&loud)), ("W1;".to_owned(), "W!".to_owned()));
}

#[test]
fn a_first_page_as_large_as_the_outbox_does_not_close_the_link() {
    let rig = Rig::new(64);
    let (link, wire) = rig.link();
    let seqs: Vec<u64> = (100..130).collect();
    rig.hub.admit(rig.session(link), DEVICE, &page(&seqs, 130), 0);
    assert!(rig.seen(&wire).starts_with("W[100;"));
    assert_eq!(wire.closed.get(), None);
}

#[test]
fn a_peer_that_closed_is_not_waited_for() {
    let rig = Rig::new(1 << 20);
    let (link, wire) = rig.link();
    wire.blocked.set(true);
    rig.hub.push(link, Rc::new(Frame::control(b"x".to_vec())));
    assert_eq!(rig.seen(&wire), "");
    rig.hub.finish(link, CloseReason::ByPeer);
    assert_eq!(rig.seen(&wire), "");
    assert_eq!(wire.closed.get(), Some(CloseReason::ByPeer));
}

#[test]
fn who_has_waited_longest_is_sent_to_first() {
    let rig = Rig::new(1 << 20);
    let ((old, first), (new, second)) = (rig.link(), rig.link());
    for link in [old, new] {
        rig.hub.push(link, Rc::new(Frame::control(b"x".to_vec())));
    }
    assert!(rig.hub.flush(1));
    assert_eq!((first.seen.borrow().len(), second.seen.borrow().len()), (1, 0));
}

#[test]
fn a_resync_is_told_once() {
    let rig = Rig::new(1 << 20);
    let (link, wire) = rig.link();
    let session = rig.session(link);
    let owed = |seqs, through| Page { resync: Some(Seq(3)), ..page(seqs, through) };
    rig.hub.admit(session, DEVICE, &owed(&[], 3), 0);
    assert_eq!(rig.seen(&wire), "WR");
    rig.hub.resync(DEVICE, Seq(4));
    assert_eq!(rig.seen(&wire), "R");
    // Proved, while a page was on its way that does not know it yet.
    rig.hub.with_kept(session, |kept| kept.resync = None);
    rig.hub.page(session, &owed(&[5], 5), 0);
    assert_eq!(rig.seen(&wire), "[5;]");
}

#[test]
fn a_resync_that_was_missed_is_told_by_the_next_page_and_nothing_cleared_behind_it() {
    let rig = Rig::new(1 << 20);
    let (link, wire) = rig.link();
    let session = rig.session(link);
    rig.hub.admit(session, DEVICE, &page(&[], 3), 0);
    rig.hub.with_kept(session, |kept| kept.flow.missed());
    // Held back, cleared, and the news of that lost.
    rig.entry(4);
    rig.entry(7);
    let owed = Page { resync: Some(Seq(6)), ..page(&[5, 8], 8) };
    rig.hub.page(session, &owed, 0);
    assert_eq!(rig.seen(&wire), "WR[8;]");
    let due = rig.hub.with_kept(session, |kept| kept.resync.map(ResyncDue::through));
    assert_eq!(due, Some(Some(Seq(6))));
    // The news comes after all.
    assert_eq!(rig.hub.resync(DEVICE, Seq(6)), []);
    assert_eq!(rig.seen(&wire), "");
    rig.hub.resync(DEVICE, Seq(9));
    assert_eq!(rig.seen(&wire), "R");
}

#[test]
fn what_a_page_tells_as_cleared_is_not_emitted_out_of_what_was_held_back() {
    let rig = Rig::new(1 << 20);
    let (link, wire) = rig.link();
    let session = rig.session(link);
    rig.hub.admit(session, DEVICE, &Page { more: true, ..page(&[], 0) }, 0);
    (4..=6).for_each(|seq| rig.entry(seq));
    rig.hub.page(session, &Page { resync: Some(Seq(5)), ..page(&[], 3) }, 0);
    assert_eq!(rig.seen(&wire), "WR6;");
}

#[test]
fn who_is_forgotten_gets_what_is_written_and_is_closed() {
    let rig = Rig::new(1 << 20);
    let ((one, quick), (two, slow)) = (rig.link(), rig.link());
    slow.blocked.set(true);
    for link in [one, two] {
        let session = rig.session(link);
        rig.hub.join(session);
        rig.hub.finish_session(session, CloseReason::Forgotten);
    }
    assert_eq!((rig.seen(&quick), quick.closed.get()), ("W".to_owned(), Some(CloseReason::Forgotten)));
    assert_eq!(slow.closed.get(), Some(CloseReason::Forgotten));
}

#[test]
fn little_may_wait_for_a_stranger_and_more_once_it_is_let_in() {
    let rig = Rig::new(1 << 20);
    let half = || Rc::new(Frame::control(vec![b'x'; 200_000]));
    let (stranger, wire) = rig.link();
    (0..2).for_each(|_| rig.hub.push(stranger, half()));
    assert_eq!((rig.seen(&wire).len(), wire.closed.get()), (0, Some(CloseReason::TooSlow)));
    let (member, wire) = rig.link();
    let session = rig.session(member);
    rig.hub.join(session);
    (0..2).for_each(|_| rig.hub.push(member, half()));
    assert_eq!((rig.seen(&wire).len(), wire.closed.get()), (400_001, None));
}

#[test]
fn what_comes_in_one_turn_closes_nobody_but_what_nobody_takes_does() {
    let rig = Rig::new(1000);
    let large = || Rc::new(Frame::control(vec![b'x'; 800]));
    let (link, wire) = rig.link();
    rig.hub.join(rig.session(link));
    (0..3).for_each(|_| rig.hub.push(link, large()));
    assert_eq!((rig.seen(&wire).len(), wire.closed.get()), (2401, None));
    wire.blocked.set(true);
    rig.hub.push(link, large());
    assert_eq!((rig.seen(&wire).len(), wire.closed.get()), (0, None));
    rig.hub.push(link, large());
    assert_eq!((rig.seen(&wire).len(), wire.closed.get()), (0, Some(CloseReason::TooSlow)));
}

#[test]
fn what_is_held_back_is_sent_when_everything_is() {
    let rig = Rig::new(1 << 20);
    let (link, wire) = rig.link();
    rig.hub.join(rig.session(link));
    rig.hub.hold(rig.hub.site(&rig.site.name), true);
    assert_eq!(rig.seen(&wire), "");
    rig.hub.flush_all();
    assert_eq!(rig.seen(&wire), "W");
}

#[test]
fn much_for_a_few_is_a_slice_as_well() {
    let rig = Rig::new(8 << 20);
    let large = Rc::new(Frame::control(vec![b'x'; 3_000_000]));
    let wires: Vec<_> = (0..5).map(|_| rig.link()).collect();
    for (link, _) in &wires {
        rig.hub.join(rig.session(*link));
        rig.hub.push(*link, Rc::clone(&large));
    }
    let mut turns = Vec::new();
    let mut more = true;
    while more {
        more = rig.hub.flush(128);
        let served = wires.iter().filter(|(_, wire)| !wire.seen.borrow().is_empty()).count();
        turns.push(served);
    }
    assert_eq!(turns, [2, 4, 5]);
}

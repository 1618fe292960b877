//! A session with a screen instead of a socket, and a client that reads it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use postroom::domain::*;
use postroom::gateway::*;
use postroom::hub::{CloseReason, Dialect, Flushed, Frame, LinkId, Outbox, SessionSeed, Span, Wire};
use postroom::protocol::{Credentials, Refusal};
use tokio::task::{JoinHandle, spawn_local};

/// One line for each packet: `<ack id> <event> <event> ...`.
struct Lines;

fn line(frame: &mut Frame, text: &str) {
    frame.push(|bytes| {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(text.as_bytes());
        Span { start, len: text.len() as u32, binary: false }
    });
}

fn json(event: &Event) -> &str {
    std::str::from_utf8(event.json()).unwrap()
}

impl Dialect for Lines {
    fn event(&self, _: &SiteName, ack: Option<AckId>, event: &Event, frame: &mut Frame) {
        line(frame, &format!("{} {}\n", ack.unwrap().get(), json(event)));
    }

    fn batch(&self, _: &SiteName, ack: AckId, events: &[(Seq, Event)], frame: &mut Frame) {
        let events: Vec<&str> = events.iter().map(|(_, event)| json(event)).collect();
        line(frame, &format!("{} {}\n", ack.get(), events.join(" ")));
    }

    fn resync(&self, _: &SiteName, _: &mut Frame) {
        panic!("nobody asked for a resync");
    }
}

/// What came for a client and was not read.
#[derive(Default)]
struct Screen(RefCell<Vec<u8>>);

impl Wire for Screen {
    fn flush(&self, outbox: &mut Outbox, _: &mut Vec<u8>) -> Flushed {
        outbox.frames().for_each(|frame| self.0.borrow_mut().extend_from_slice(frame.bytes()));
        outbox.clear();
        Flushed::All
    }

    fn await_room(self: Rc<Self>, _: LinkId) {}

    fn close(self: Rc<Self>, reason: CloseReason) {
        panic!("closed: {reason:?}");
    }
}

type Held = Rc<RefCell<Option<Rc<Attendance>>>>;

/// A session and its client.
pub(super) struct Seat {
    pub(super) device: usize,
    /// All that was shown, in order.
    pub(super) shown: Vec<u32>,
    gateway: Rc<Gateway>,
    link: LinkId,
    screen: Rc<Screen>,
    attendance: Held,
    connecting: JoinHandle<Result<(), Refusal>>,
    /// Ack ids and messages of what is not acknowledged here.
    entries: Vec<(u64, u32)>,
    batches: Vec<(u64, Vec<u32>)>,
}

impl Seat {
    /// A client of a device comes.
    pub(super) fn take(gateway: &Rc<Gateway>, site: &Arc<Site>, device: usize) -> Self {
        let mut link = None;
        let screen = gateway.hub().open_link(|id| {
            link = Some(id);
            Rc::new(Screen::default())
        });
        let link = link.unwrap();
        let seed =
            SessionSeed { link, site: Arc::clone(site), dialect: &Lines, welcome: Some(Rc::default()) };
        let credentials = Credentials { token: None, meta: None };
        let visitor = Visitor { credentials, device_id: device.to_string(), seed };
        let attendance = Held::default();
        let (keep, at) = (Rc::clone(&attendance), Rc::clone(gateway));
        let connecting = spawn_local(async move {
            let attached = |attendance| Rc::clone(keep.borrow_mut().insert(Rc::new(attendance)));
            at.connect(visitor, attached).await
        });
        Self {
            device,
            shown: Vec::new(),
            gateway: Rc::clone(gateway),
            link,
            screen,
            attendance,
            connecting,
            entries: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// Reads what came. What is new, which must come behind all that was shown before.
    pub(super) fn look(&mut self) -> Vec<u32> {
        let text = String::from_utf8(self.screen.0.take()).unwrap();
        let before = self.shown.len();
        for line in text.lines() {
            let mut words = line.split(' ');
            let ack: u64 = words.next().unwrap().parse().unwrap();
            let number = |word: &str| word.trim_matches(['[', ']']).parse().unwrap();
            let numbers: Vec<u32> = words.map(number).collect();
            for number in &numbers {
                let last = self.shown.last();
                assert!(last.is_none_or(|last| last < number), "{number} comes behind {:?}", self.shown);
                self.shown.push(*number);
            }
            if AckId::from_wire(ack).unwrap().is_batch() {
                self.batches.push((ack, numbers));
            } else {
                self.entries.push((ack, numbers[0]));
            }
        }
        self.shown[before..].to_vec()
    }

    fn acknowledge(&self, id: u64) {
        let session = self.attendance.borrow().as_ref().unwrap().id();
        self.gateway.acknowledge(session, id);
    }

    /// Acknowledges one of the entries that came live. Which messages that were.
    pub(super) fn entry(&mut self, n: usize) -> Vec<u32> {
        if n >= self.entries.len() {
            return Vec::new();
        }
        let (ack, number) = self.entries.remove(n);
        self.acknowledge(ack);
        vec![number]
    }

    /// Acknowledges the oldest batch. Which messages stood in it.
    pub(super) fn batch(&mut self) -> Vec<u32> {
        if self.batches.is_empty() {
            return Vec::new();
        }
        let (ack, numbers) = self.batches.remove(0);
        self.acknowledge(ack);
        numbers
    }

    /// Whether a batch waits for its acknowledgement.
    pub(super) fn has_batch(&self) -> bool {
        !self.batches.is_empty()
    }

    /// Acknowledges all entries that came live.
    pub(super) fn all(&mut self) -> Vec<u32> {
        let entries = std::mem::take(&mut self.entries);
        for (ack, _) in &entries {
            self.acknowledge(*ack);
        }
        entries.into_iter().map(|(_, number)| number).collect()
    }

    /// The client goes, also before it was let in.
    pub(super) fn leave(self) {
        self.connecting.abort();
        if let Some(attendance) = self.attendance.take() {
            attendance.end();
        }
        self.gateway.hub().close_link(self.link);
    }
}

//! A store on the bench: commands by hand, answers awaited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use postroom::domain::*;
use postroom::store::*;

/// A failing test ends after this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes stores that keep their things in the same place.
pub(super) trait Backend {
    /// Opens the store, also again after [`Store::close`] or [`Backend::crash`].
    fn open(&self, outlet: Arc<Recorder>, ttl: DeviceTtl) -> Box<dyn Store>;

    /// Ends a store as a crash would.
    fn crash(&self, store: Box<dyn Store>) {
        drop(store);
    }

    /// Waits until all commands so far are carried out and heard, where the store has a way of its own to do so.
    fn settle(&self) -> bool {
        false
    }
}

/// An outlet that remembers.
#[derive(Default)]
pub(super) struct Recorder {
    log: Mutex<Vec<(WorkerId, StoreEvent)>>,
    changed: Condvar,
    /// The answer to this append is held back, and with it the thread that delivers it.
    held: Mutex<Option<u32>>,
    released: Condvar,
    reached: AtomicBool,
}

impl Outlet for Recorder {
    fn deliver(&self, worker: WorkerId, events: Vec<StoreEvent>) {
        let is = |event: &StoreEvent, held: u32| matches!(event, StoreEvent::Appended { token, .. } if *token == held);
        let stop =
            |held: &mut Option<u32>| held.is_some_and(|held| events.iter().any(|event| is(event, held)));
        let mut held = self.held.lock().unwrap();
        if stop(&mut held) {
            self.reached.store(true, Ordering::SeqCst);
            held = self.released.wait_while(held, stop).unwrap();
        }
        drop(held);
        assert!(!events.is_empty(), "an empty delivery");
        self.log.lock().unwrap().extend(events.into_iter().map(|event| (worker, event)));
        self.changed.notify_all();
    }
}

impl Recorder {
    /// Waits for an event that `pick` takes, and removes it.
    pub(super) fn take<T>(&self, what: &str, mut pick: impl FnMut(WorkerId, &StoreEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut log = self.log.lock().unwrap();
        loop {
            let hit = log.iter().enumerate().find_map(|(at, (w, event))| Some((at, pick(*w, event)?)));
            if let Some((at, found)) = hit {
                log.remove(at);
                return found;
            }
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("waited in vain for {what}; there is {log:#?}"));
            log = self.changed.wait_timeout(log, left).unwrap().0;
        }
    }

    /// Lets time pass.
    pub(super) fn quiet(&self, time: Duration) {
        drop(self.changed.wait_timeout_while(self.log.lock().unwrap(), time, |_| true).unwrap());
    }

    /// What has come for a worker and was not taken.
    pub(super) fn log(&self, worker: u16) -> Vec<StoreEvent> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|(w, _)| w.0 == worker).map(|(_, event)| event.clone()).collect()
    }

    pub(super) fn hold(&self, token: u32) {
        *self.held.lock().unwrap() = Some(token);
    }

    /// Waits until the delivery that is held back has come.
    pub(super) fn reached_hold(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.reached.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "nothing was held back");
            std::thread::yield_now();
        }
    }

    pub(super) fn release(&self) {
        *self.held.lock().unwrap() = None;
        self.released.notify_all();
    }
}

/// A session on worker `worker`.
pub(super) fn session(worker: u16, slot: u32) -> SessionRef {
    SessionRef { worker: WorkerId(worker), slot, serial: slot + 1 }
}

pub(super) fn site(name: &str) -> SiteName {
    SiteName::new(name).unwrap()
}

pub(super) fn room(name: &str) -> Room {
    Room::stored(name)
}

pub(super) fn key(device: &str) -> DeviceKey {
    DeviceKey { site: site("demo"), primary: "user_1".into(), device_id: device.into() }
}

/// A message of `demo` with `text` as its event.
pub(super) fn message(text: &str, rooms: &[&str]) -> Message {
    let rooms: Vec<Room> = rooms.iter().map(|name| room(name)).collect();
    Message {
        id: MessageId(u64::MAX - 1),
        site: site("demo"),
        rooms: rooms.into(),
        event: Event::stored(Bytes::copy_from_slice(text.as_bytes())),
        resync: false,
        bounds: QueueBounds::default(),
        except: None,
    }
}

pub(super) fn resync(text: &str, rooms: &[&str]) -> Message {
    Message { resync: true, ..message(text, rooms) }
}

/// Above every entry.
pub(super) const LAST: Seq = Seq(u64::MAX >> 1);

pub(super) const WIDE: PageLimit = PageLimit { entries: 1000, bytes: 1 << 20 };

/// A store on the bench.
pub(super) struct Rig<'b> {
    pub(super) backend: &'b dyn Backend,
    pub(super) recorder: Arc<Recorder>,
    store: Option<Box<dyn Store>>,
    ttl: DeviceTtl,
    token: u32,
}

impl<'b> Rig<'b> {
    pub(super) fn new(backend: &'b dyn Backend) -> Self {
        Self::with_ttl(backend, DeviceTtl::from_secs(3600))
    }

    pub(super) fn with_ttl(backend: &'b dyn Backend, ttl: DeviceTtl) -> Self {
        let recorder = Arc::new(Recorder::default());
        let store = Some(backend.open(Arc::clone(&recorder), ttl));
        Self { backend, recorder, store, ttl, token: 0 }
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.store.as_deref().unwrap()
    }

    /// Ends the store, in order or not, and opens it again. What was heard is forgotten.
    pub(super) fn reopen(&mut self, crash: bool) {
        let store = self.store.take().unwrap();
        if crash {
            self.backend.crash(store);
        } else {
            store.close();
        }
        self.recorder = Arc::new(Recorder::default());
        self.store = Some(self.backend.open(Arc::clone(&self.recorder), self.ttl));
    }

    pub(super) fn connect_with(
        &self,
        session: SessionRef,
        device: DeviceKey,
        rooms: &[&str],
        limit: PageLimit,
    ) -> (DeviceNo, Page) {
        let rooms = rooms.iter().map(|name| room(name)).collect();
        self.store().connect(Connect { session, device, rooms, limit });
        self.recorder.take("Connected", |worker, event| match event {
            StoreEvent::Connected { session: s, device, page } if *s == session => {
                assert_eq!(worker, session.worker);
                Some((*device, page.clone()))
            }
            _ => None,
        })
    }

    /// Connects device `device` of the one user; its inbox must be short.
    pub(super) fn connect(&self, session: SessionRef, device: &str, rooms: &[&str]) -> (DeviceNo, Page) {
        self.connect_with(session, key(device), rooms, WIDE)
    }

    pub(super) fn disconnect(&self, session: SessionRef) {
        self.store().disconnect(Disconnect { session });
        self.settle();
    }

    /// Hands a message over; the token of its answer.
    pub(super) fn post(&mut self, message: Message) -> u32 {
        self.token += 1;
        let reply = ReplyTo { worker: WorkerId(0), token: self.token };
        self.store().append(Append { reply, message: Arc::new(message) });
        self.token
    }

    pub(super) fn answer(&self, token: u32) -> Result<Receipt, StoreError> {
        let answer = self.recorder.take("Appended", |worker, event| match event {
            StoreEvent::Appended { token: t, outcome } if *t == token => Some((worker, outcome.clone())),
            _ => None,
        });
        assert_eq!(answer.0, WorkerId(0));
        self.balance();
        answer.1
    }

    /// Hands messages over together; the token of their answer.
    pub(super) fn post_all(&mut self, messages: Vec<Message>) -> u32 {
        self.token += 1;
        let reply = ReplyTo { worker: WorkerId(0), token: self.token };
        let messages = messages.into_iter().map(Arc::new).collect();
        self.store().append_all(AppendAll { reply, messages });
        self.token
    }

    pub(super) fn answers(&self, token: u32) -> Vec<Result<Receipt, StoreError>> {
        let answer = self.recorder.take("AppendedAll", |worker, event| match event {
            StoreEvent::AppendedAll { token: t, outcomes } if *t == token => Some((worker, outcomes.clone())),
            _ => None,
        });
        assert_eq!(answer.0, WorkerId(0));
        self.balance();
        answer.1
    }

    pub(super) fn send_all(&mut self, messages: Vec<Message>) -> Vec<Receipt> {
        let token = self.post_all(messages);
        self.answers(token).into_iter().map(Result::unwrap).collect()
    }

    pub(super) fn send(&mut self, message: Message) -> Receipt {
        let token = self.post(message);
        self.answer(token).unwrap()
    }

    /// Waits until all commands so far are carried out.
    pub(super) fn settle(&self) {
        if self.backend.settle() {
            return;
        }
        let reply = ReplyTo { worker: WorkerId(0), token: u32::MAX };
        self.store().append(Append { reply, message: Arc::new(message("[]", &["nobody is here"])) });
        self.answer(u32::MAX).unwrap();
    }

    pub(super) fn ack(&self, acks: &[Ack]) {
        self.store().acknowledge(acks.to_vec());
        self.settle();
    }

    pub(super) fn read(&self, session: SessionRef, device: DeviceNo, after: Seq, limit: PageLimit) -> Page {
        self.store().read(Read { session, device, after, limit });
        self.recorder.take("Page", |_, event| match event {
            StoreEvent::Page { session: s, page } if *s == session => Some(page.clone()),
            _ => None,
        })
    }

    /// The whole inbox of a device, in pages of `limit`.
    pub(super) fn inbox(&self, device: DeviceNo, limit: PageLimit) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let mut after = Seq(0);
        loop {
            let page = self.read(session(0, 9_999), device, after, limit);
            let texts = page.entries.iter().map(|(seq, event)| (seq.0, text(event)));
            found.extend(texts);
            if !page.more {
                return found;
            }
            assert!(page.through > after, "a page that does not go on");
            after = page.through;
        }
    }

    pub(super) fn texts(&self, device: DeviceNo) -> Vec<String> {
        self.inbox(device, WIDE).into_iter().map(|(_, text)| text).collect()
    }

    /// The live entries of a device that came to a worker: their seqs and texts.
    pub(super) fn live(&self, worker: u16, device: DeviceNo) -> Vec<(Seq, String)> {
        // The next round begins when this one is told to all workers.
        self.settle();
        let mut found = Vec::new();
        for event in self.recorder.log(worker) {
            if let StoreEvent::Entry { seq, event, devices, .. } = event
                && devices.contains(&device)
            {
                assert!(devices.is_sorted());
                found.push((seq, text(&event)));
            }
        }
        found
    }

    /// The resyncs that a worker was told.
    pub(super) fn resyncs(&self, worker: u16) -> Vec<(DeviceNo, Seq)> {
        self.settle();
        let log = self.recorder.log(worker);
        let pick = |event: &StoreEvent| match event {
            StoreEvent::Resync { device, through } => Some((*device, *through)),
            _ => None,
        };
        log.iter().filter_map(pick).collect()
    }

    /// Waits until the counters are as `wanted` says.
    pub(super) fn until(&self, what: &str, wanted: impl Fn(&Counters) -> bool) -> Counters {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let counters = self.balance();
            if wanted(&counters) {
                return counters;
            }
            assert!(Instant::now() < deadline, "{what} did not come: {counters:?}");
            std::thread::yield_now();
        }
    }

    pub(super) fn balance(&self) -> Counters {
        // Where counters come from elsewhere they are as old as the last look at them.
        self.backend.settle();
        let c = self.store().counters();
        assert_eq!(c.accepted, c.acked + c.expired + c.resynced + c.dropped + c.queued, "{c:?}");
        assert!(c.online <= c.devices);
        c
    }
}

pub(super) fn text(event: &Event) -> String {
    String::from_utf8(event.json().to_vec()).unwrap()
}

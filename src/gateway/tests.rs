//! What the gateway asks of the store and in which order, with a store that only writes down.

mod broadcast;
mod turns;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::broker::{Broker, LocalBroker, Reception};
use crate::domain::{AckId, Event};
use crate::domain::{DeviceNo, DeviceTtl, Flake, Page, Seq, SessionRef, Site, SiteName, WorkerId};
use crate::hub::{
    CloseReason, Dialect, Flushed, Frame, Hub, HubOptions, LinkId, Outbox, SessionId, SessionSeed, Wire,
};
use crate::protocol::{BoxFuture, Credentials, Refusal, SiteProtocol, UserChange};
use crate::store::{
    Ack, Append, AppendAll, Connect, Counters, Disconnect, PageLimit, Read, Store, StoreError, StoreEvent,
};

/// A store that writes down what it is asked.
#[derive(Default)]
pub(crate) struct Asked {
    said: Mutex<Vec<String>>,
    /// What it says of its health.
    pub(crate) trouble: Mutex<Option<StoreError>>,
}

impl Asked {
    fn note(&self, what: String) {
        self.said.lock().unwrap().push(what);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

impl Store for Asked {
    fn connect(&self, connect: Connect) {
        self.note(format!("connect {}", connect.session.serial));
    }

    fn append(&self, _: Append) {
        self.note("append".to_owned());
    }

    fn append_all(&self, appends: AppendAll) {
        self.note(format!("append {}", appends.messages.len()));
    }

    fn acknowledge(&self, acks: Vec<Ack>) {
        self.note(format!("{acks:?}"));
    }

    fn read(&self, read: Read) {
        self.note(format!("read {}", read.after.0));
    }

    fn disconnect(&self, disconnect: Disconnect) {
        self.note(format!("disconnect {}", disconnect.session.serial));
    }

    fn health(&self) -> Result<(), StoreError> {
        self.trouble.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn close(&self) {}
}

/// Everybody is user 1.
struct AnyUser;

impl SiteProtocol for AnyUser {
    fn authorize(&self, _: Arc<Site>, _: Credentials) -> BoxFuture<Result<Vec<String>, Refusal>> {
        Box::pin(async { Ok(vec!["user_1".to_owned()]) })
    }

    fn user_changed(&self, _: Arc<Site>, _: UserChange) {}

    fn flush(&self, _: tokio::time::Instant) -> BoxFuture<()> {
        Box::pin(async {})
    }
}

struct Silent;

impl Dialect for Silent {
    fn event(&self, _: &SiteName, _: Option<AckId>, _: &Event, _: &mut Frame) {}

    fn batch(&self, _: &SiteName, _: AckId, _: &[(Seq, Event)], _: &mut Frame) {}

    fn resync(&self, _: &SiteName, _: &mut Frame) {}
}

/// Takes nothing, and writes down why it was closed.
struct Nowhere(Closed);

type Closed = Rc<RefCell<Vec<CloseReason>>>;

impl Wire for Nowhere {
    fn flush(&self, _: &mut Outbox, _: &mut Vec<u8>) -> Flushed {
        Flushed::Blocked
    }

    fn await_room(self: Rc<Self>, _: LinkId) {}

    fn close(self: Rc<Self>, reason: CloseReason) {
        self.0.borrow_mut().push(reason);
    }
}

pub(crate) struct Rig {
    pub(crate) asked: Arc<Asked>,
    pub(crate) gateway: Rc<Gateway>,
    site: Arc<Site>,
    closed: Closed,
}

impl Rig {
    /// A gateway with the site `s`, whose users are all in `user_1`.
    pub(crate) fn new() -> Self {
        let mut site = Site::sample("s");
        site.user_room_prefix = Some("user_".into());
        Self::of(site, |reception| Arc::new(LocalBroker::new(reception)))
    }

    fn of(site: Site, broker: impl FnOnce(Arc<dyn Reception>) -> Arc<dyn Broker>) -> Self {
        let site = Arc::new(site);
        let (switchboard, _) = Switchboard::new(1, 1 << 20, std::slice::from_ref(&site.name));
        let asked = Arc::new(Asked::default());
        let broker = broker(Arc::clone(&switchboard) as _);
        let shared = Shared::new(SharedParts {
            sites: Sites::new([Arc::clone(&site)], None),
            store: Arc::clone(&asked) as _,
            broker,
            protocol: Arc::new(AnyUser),
            switchboard,
            flake: Flake::new(0).unwrap(),
            device_ttl: DeviceTtl::Never,
            page: PageLimit { entries: 10, bytes: 1000 },
        });
        let gateway = Gateway::new(shared, WorkerId(0), Hub::new(HubOptions { outbox_limit: 1 << 20 }));
        Self { asked, gateway, site, closed: Closed::default() }
    }

    fn visitor(&self) -> Visitor {
        let mut link = None;
        self.gateway.hub().open_link(|id| {
            link = Some(id);
            Rc::new(Nowhere(Rc::clone(&self.closed)))
        });
        let (link, site) = (link.unwrap(), Arc::clone(&self.site));
        let seed = SessionSeed { link, site, dialect: &Silent, welcome: None };
        Visitor { credentials: Credentials { token: None, meta: None }, device_id: "d".to_owned(), seed }
    }

    /// What the store says arrives, and is applied.
    fn hear(&self, events: Vec<StoreEvent>) {
        self.gateway.sort([Mail::Store(events)].into_iter());
        while self.gateway.turn() {}
    }

    fn admit(&self, id: SessionId) {
        let (session, page) = (self.gateway.session_ref(id), Page::default());
        let connected = StoreEvent::Connected { session, device: DeviceNo(1), page };
        self.hear(vec![connected]);
    }
}

type Held = RefCell<Option<Rc<Attendance>>>;

fn hold(held: &Held) -> impl FnOnce(Attendance) -> Rc<Attendance> {
    |attendance| Rc::clone(held.borrow_mut().insert(Rc::new(attendance)))
}

fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn an_attendance_ends_at_once_also_while_the_connecting_is_still_held() {
    let (rig, held) = (Rig::new(), Held::default());
    let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(&held)));
    assert!(poll(connecting.as_mut()).is_pending());
    let attendance = held.take().unwrap();
    attendance.end();
    assert_eq!(rig.gateway.hub().session_count(), 0);
    let id = attendance.id();
    assert_eq!(rig.asked.take(), [format!("connect {}", id.serial), format!("disconnect {}", id.serial)]);
    rig.admit(id);
    drop((attendance, connecting));
    assert_eq!(rig.asked.take(), [""; 0]);
}

#[tokio::test]
async fn what_was_acknowledged_reaches_the_store_before_the_next_connect() {
    let local = tokio::task::LocalSet::new();
    let connects = local.run_until(async {
        let (rig, first, second) = (Rig::new(), Held::default(), Held::default());
        let mut one = Box::pin(rig.gateway.connect(rig.visitor(), hold(&first)));
        assert!(poll(one.as_mut()).is_pending());
        let id = first.borrow().as_ref().unwrap().id();
        rig.admit(id);
        assert!(poll(one.as_mut()).is_ready());
        rig.asked.take();
        rig.gateway.acknowledge(id, u64::from(AckId::entry(Seq(0)).get()));
        let mut two = Box::pin(rig.gateway.connect(rig.visitor(), hold(&second)));
        assert!(poll(two.as_mut()).is_pending());
        rig.asked.take()
    });
    let asked = connects.await;
    assert!(asked.len() == 2 && asked[0].contains("Entry") && asked[1].starts_with("connect"), "{asked:?}");
}

#[tokio::test]
async fn what_a_session_may_have_missed_is_read_and_its_acks_come_before_that() {
    let local = tokio::task::LocalSet::new();
    let asked = local.run_until(async {
        let (rig, held) = (Rig::new(), Held::default());
        let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(&held)));
        assert!(poll(connecting.as_mut()).is_pending());
        let id = held.borrow().as_ref().unwrap().id();
        rig.admit(id);
        rig.asked.take();
        rig.gateway.acknowledge(id, u64::from(AckId::entry(Seq(0)).get()));
        let gone = SessionRef { serial: id.serial + 1, ..rig.gateway.session_ref(id) };
        let missed = [gone, rig.gateway.session_ref(id)].map(|session| StoreEvent::Missed { session });
        rig.hear(missed.into());
        rig.asked.take()
    });
    let asked = asked.await;
    assert!(asked.len() == 2 && asked[0].contains("Entry") && asked[1] == "read 0", "{asked:?}");
}

#[test]
fn who_is_lost_is_closed_in_a_way_from_which_clients_come_back() {
    let (rig, held) = (Rig::new(), Held::default());
    let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(&held)));
    assert!(poll(connecting.as_mut()).is_pending());
    let id = held.borrow().as_ref().unwrap().id();
    rig.admit(id);
    let lost = StoreEvent::Lost { session: rig.gateway.session_ref(id) };
    rig.hear(vec![lost]);
    while rig.gateway.hub().flush(1) {}
    assert_eq!(rig.closed.borrow().as_slice(), [CloseReason::Forgotten]);
}

#[test]
fn a_resync_does_not_overtake_the_session_that_it_is_for() {
    let (rig, held, other) = (Rig::new(), Held::default(), Held::default());
    let visitor = |rig: &Rig| {
        let mut visitor = rig.visitor();
        visitor.seed.welcome = Some(Rc::default());
        visitor
    };
    let mut one = Box::pin(rig.gateway.connect(visitor(&rig), hold(&held)));
    let mut two = Box::pin(rig.gateway.connect(visitor(&rig), hold(&other)));
    assert!(poll(one.as_mut()).is_pending() && poll(two.as_mut()).is_pending());
    let ids = [&held, &other].map(|held| held.borrow().as_ref().unwrap().id());
    let connected = |id, device| {
        let (session, page) = (rig.gateway.session_ref(id), Page::default());
        StoreEvent::Connected { session, device: DeviceNo(device), page }
    };
    // Not sent yet: what comes next for this site waits.
    rig.gateway.sort([Mail::Store(vec![connected(ids[0], 1)])].into_iter());
    rig.gateway.apply_due();
    let resync = StoreEvent::Resync { device: DeviceNo(2), through: Seq(3) };
    rig.hear(vec![connected(ids[1], 2), resync]);
    let told = rig.gateway.hub().with_kept(ids[1], |kept| kept.told);
    assert_eq!(told, Some(Some(Seq(3))));
}

#[test]
fn a_node_that_stops_refuses_no_namespace() {
    let (rig, held) = (Rig::new(), Held::default());
    rig.gateway.shared().begin_draining();
    let mut connecting = Box::pin(rig.gateway.connect(rig.visitor(), hold(&held)));
    assert!(poll(connecting.as_mut()).is_pending());
    assert_eq!(rig.asked.take(), [""; 0]);
}

//! The hand-over from replaying to live, through the real store, switchboard, gateways and hubs: a user's devices come and go
//! on two workers while messages are sent, and acknowledge when it pleases them.
//!
//! On a session no entry comes twice and none overtakes another; a session that stays has everything that still waits; and
//! every message reaches every device.

mod post;
mod seat;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom::broker::LocalBroker;
use postroom::domain::*;
use postroom::gateway::*;
use postroom::hub::{Hub, HubOptions};
use postroom::protocol::{BoxFuture, Credentials, Refusal, SiteProtocol, UserChange};
use postroom::store::sqlite::{SqliteOptions, SqliteStore};
use postroom::store::{PageLimit, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

use self::post::Post;
use self::seat::Seat;

const DEVICES: usize = 2;
const WORKERS: u16 = 2;
const PATIENCE: Duration = Duration::from_secs(20);
/// Small, so that there is often more behind a batch.
const PAGE: PageLimit = PageLimit { entries: 6, bytes: 1000 };

#[derive(Debug, Clone)]
enum Step {
    /// So many messages, and nobody waits for their answers.
    Send(usize),
    /// A device comes, on a worker.
    Come(usize, u16),
    /// One of those that are there goes.
    Leave(usize),
    /// One acknowledges an entry.
    Ack(usize, usize),
    /// One acknowledges all the entries that it has.
    AckAll(usize),
    /// One acknowledges its batch, and so many messages come at the same time.
    AckBatch(usize, usize),
    /// The same, and its next page is overtaken by so many.
    Overtake(usize, usize),
    /// Pages wait on their way from now on, or go on.
    Pages(bool),
    /// Others get their turn.
    Yield(usize),
    /// Everything sent so far is answered.
    Answered,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..5_usize).prop_map(Step::Send),
        // Longer than what the store gives with a connect.
        1 => Just(Step::Send(25)),
        4 => (0..DEVICES, 0..WORKERS).prop_map(|(device, worker)| Step::Come(device, worker)),
        2 => (0..8_usize).prop_map(Step::Leave),
        4 => (0..8_usize, 0..4_usize).prop_map(|(seat, n)| Step::Ack(seat, n)),
        6 => (0..8_usize).prop_map(Step::AckAll),
        8 => (0..8_usize, 0..3_usize).prop_map(|(seat, count)| Step::AckBatch(seat, count)),
        6 => (0..8_usize, 1..4_usize).prop_map(|(seat, count)| Step::Overtake(seat, count)),
        4 => any::<bool>().prop_map(Step::Pages),
        4 => (1..6_usize).prop_map(Step::Yield),
        2 => Just(Step::Answered),
    ];
    prop::collection::vec(step, 1..60)
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

struct World {
    site: Arc<Site>,
    store: Arc<dyn Store>,
    post: Arc<Post>,
    gateways: Vec<Rc<Gateway>>,
    seats: Vec<Seat>,
    sends: Vec<JoinHandle<bool>>,
    sent: u32,
    /// What each device has seen, on all its sessions, and acknowledged.
    seen: [BTreeSet<u32>; DEVICES],
    acked: [BTreeSet<u32>; DEVICES],
}

impl World {
    /// A store in `folder`; its devices are known from now on.
    async fn new(folder: &std::path::Path) -> Self {
        let mut site = Site::sample("demo");
        site.user_room_prefix = Some("user_".into());
        let site = Arc::new(site);
        let (switchboard, lines) =
            Switchboard::new(usize::from(WORKERS), 1 << 20, std::slice::from_ref(&site.name));
        let options = SqliteOptions::new(folder, Durability::Normal, DeviceTtl::Never);
        let post = Post::new(Arc::clone(&switchboard));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&options, Arc::clone(&post) as _).unwrap());
        let shared = Shared::new(SharedParts {
            sites: Sites::new([Arc::clone(&site)], None),
            store: Arc::clone(&store),
            broker: Arc::new(LocalBroker::new(Arc::clone(&switchboard) as _)),
            protocol: Arc::new(AnyUser),
            switchboard,
            flake: Flake::new(0).unwrap(),
            device_ttl: DeviceTtl::Never,
            page: PAGE,
        });
        let open = |(worker, line)| {
            let hub = Hub::new(HubOptions { outbox_limit: 1 << 20 });
            let gateway = Gateway::new(Arc::clone(&shared), WorkerId(worker), hub);
            spawn_local(Rc::clone(&gateway).run(line));
            gateway
        };
        let gateways = (0..WORKERS).zip(lines).map(open).collect();
        let (seen, acked) = Default::default();
        let mut world =
            Self { site, store, post, gateways, seats: Vec::new(), sends: Vec::new(), sent: 0, seen, acked };
        for device in 0..DEVICES {
            world.come(device, 0);
        }
        world.until("the devices are known", |world| world.store.counters().devices == DEVICES as u64).await;
        world
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Send(count) => (0..count).for_each(|_| self.send()),
            Step::Come(device, worker) => self.come(device, worker),
            Step::Leave(seat) if seat < self.seats.len() => self.seats.remove(seat).leave(),
            Step::Ack(seat, n) => self.ack(seat, |seat| seat.entry(n)),
            Step::AckAll(seat) => self.ack(seat, Seat::all),
            Step::AckBatch(seat, count) => {
                self.ack_batch(seat);
                (0..count).for_each(|_| self.send());
            }
            Step::Overtake(seat, count) => {
                self.post.hold();
                self.ack_batch(seat);
                // The answer to the first one says that the page has been made.
                for _ in 0..=count {
                    self.send();
                    self.answered().await;
                }
            }
            Step::Pages(wait) if wait => self.post.hold(),
            Step::Pages(_) => self.post.release(),
            Step::Yield(times) => {
                for _ in 0..times {
                    yield_now().await;
                }
            }
            Step::Answered => self.answered().await,
            Step::Leave(_) => {}
        }
        self.look();
    }

    /// From the first worker alone: the order of the calls is that of the numbers.
    fn send(&mut self) {
        let event = Event::stored(format!("[{}]", self.sent).into());
        self.sent += 1;
        let (gateway, site) = (Rc::clone(&self.gateways[0]), Arc::clone(&self.site));
        let order = Order { rooms: vec!["user_1".into()], event, resync: false };
        self.sends.push(spawn_local(async move { gateway.send(&site, order).await.is_ok() }));
    }

    fn come(&mut self, device: usize, worker: u16) {
        let gateway = &self.gateways[usize::from(worker)];
        self.seats.push(Seat::take(gateway, &self.site, device));
    }

    fn ack(&mut self, seat: usize, pick: impl FnOnce(&mut Seat) -> Vec<u32>) {
        let seats = self.seats.len().max(1);
        let Some(seat) = self.seats.get_mut(seat % seats) else { return };
        let (device, numbers) = (seat.device, pick(seat));
        self.acked[device].extend(numbers);
    }

    /// Of those that have a batch.
    fn ack_batch(&mut self, seat: usize) {
        let have: Vec<usize> = (0..self.seats.len()).filter(|seat| self.seats[*seat].has_batch()).collect();
        if let Some(seat) = have.get(seat % have.len().max(1)) {
            self.ack(*seat, Seat::batch);
        }
    }

    async fn answered(&mut self) {
        for send in self.sends.drain(..) {
            assert!(send.await.unwrap(), "a message was refused");
        }
    }

    /// Reads every screen.
    fn look(&mut self) {
        for seat in &mut self.seats {
            self.seen[seat.device].extend(seat.look());
        }
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: waited in vain");
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.look();
        }
    }

    /// As `until`, while clients acknowledge every batch.
    async fn until_batches_are_through(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "{what}: waited in vain");
            (0..self.seats.len()).for_each(|seat| self.ack(seat, Seat::batch));
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.look();
        }
    }

    /// Whoever is there has all that nobody has acknowledged.
    fn nobody_is_left_behind(&self) -> bool {
        self.seats.iter().all(|seat| {
            let waits = |number: &u32| !self.acked[seat.device].contains(number);
            (0..self.sent).filter(waits).all(|number| seat.shown.contains(&number))
        })
    }

    async fn end(mut self) {
        self.post.release();
        self.answered().await;
        self.until_batches_are_through("nobody is left behind", Self::nobody_is_left_behind).await;
        (0..DEVICES).for_each(|device| self.come(device, 1));
        let everything = |world: &Self| {
            world.seen.iter().all(|seen| seen.len() == world.sent as usize) && world.nobody_is_left_behind()
        };
        self.until_batches_are_through("everything reaches every device", everything).await;
        (0..self.seats.len()).for_each(|seat| self.ack(seat, Seat::all));
        self.until_batches_are_through("the inboxes are empty", |w| w.store.counters().queued == 0).await;
        self.seats.drain(..).for_each(Seat::leave);
        self.store.close();
    }
}

#[test]
fn whoever_comes_while_messages_are_sent_gets_each_of_them_once_and_in_order() {
    // A case that fails may wait for as long as patience lasts: it is not shrunk for long.
    let config = Config { cases: 64, max_shrink_iters: 8, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let run = |steps: Vec<Step>| {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let mut world = World::new(folder.path()).await;
            for step in &steps {
                world.step(step).await;
            }
            world.end().await;
        });
        Ok(())
    };
    runner.run(&steps(), run).unwrap();
}

//! A town: its gateways, the ways to them, everybody who lives there, and its life from the first round to the last check.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::books::Books;
use super::plan::{Plan, Shape};
use super::weather::{self, Ground};
use crate::support::backend;
use crate::support::crowd::Crowd;
use crate::support::crowd::device::{DUTIES, HOME, Habits, WHIMS};
use crate::support::crowd::ledger::{Balance, FORGETTABLE, Ledger, Member, Route};
use crate::support::crowd::line::Carrier;
use crate::support::crowd::sender::Sender;
use crate::support::gateway::{Gateway, Setup};
use crate::support::process::free_port;
use crate::support::proxy::Proxy;
use crate::support::random::Random;
use crate::support::redis::RedisServer;
use crate::support::site_server::SiteServer;

/// Users of the site `demo` with two devices each; the devices of the last one come later than all others.
const USERS: usize = 6;
/// What each sender sends to: the site, and the rooms. `few` and `gist` have bounds, and `gist` has `resync`.
const ROUTES: [(&str, &[&str]); 13] = [
    ("demo", &["user_0"]),
    ("demo", &["user_1"]),
    ("demo", &["user_2"]),
    ("demo", &["user_3"]),
    ("demo", &["user_4", "odd"]),
    ("demo", &["user_5"]),
    ("demo", &["user_m"]),
    ("demo", &["all"]),
    ("demo", &["ODD"]),
    ("demo", &["user_0", "all", "odd"]),
    ("few", &["user_0"]),
    ("gist", &["user_0"]),
    ("gist", &["user_0", "all"]),
];
/// Seconds after which a device that is away is forgotten. One that was away for `REMEMBERED`, as far as it knows itself, may be:
/// the gateway may have noticed before it did, behind a line that stood still.
const TTL: u64 = 6;
const REMEMBERED: Duration = Duration::from_millis(3_500);
/// Milliseconds between two messages of a sender.
const PAUSE: std::ops::Range<u64> = 30..150;
/// Devices that come in a round and never come back.
const FLEETING: usize = 2;
/// On Redis an ack waits for as long as the way to it, or the server itself, is away.
const HELD_UP: Duration = Duration::from_secs(8);
/// Behind a session that ended properly an ack is within the gateway.
const WITHIN: Duration = Duration::from_millis(500);
/// Everybody who is connected has everything within this, once nothing is broken.
const WELL: Duration = Duration::from_secs(20);
/// And the counters say so within this, when the fleeting have been forgotten.
const CLOSED: Duration = Duration::from_secs(30);

/// One gateway.
pub struct House {
    pub gateway: Gateway,
    /// Where its metrics are.
    pub books: u16,
    pub redis: bool,
}

/// Everything there is.
pub struct Town {
    plan: Plan,
    houses: Vec<House>,
    /// From clients and backends to each gateway, and from each to Redis.
    roads: Vec<Proxy>,
    wires: Vec<Proxy>,
    redis: Option<RedisServer>,
    /// On Redis the counters of a node tell what all nodes have done since it was started; this one is there from the
    /// beginning and never dies, and nobody else has anything to do with it.
    witness: Option<House>,
    /// What was counted before the ledger is compared with the counters: on the embedded store they begin anew with each
    /// start of the node.
    base: (Option<Instant>, Books),
    crowd: Crowd,
    /// What those do who never come back.
    fleeting: Arc<AtomicU8>,
    visitors: usize,
    random: Random,
    _site: SiteServer,
}

impl Town {
    /// Everybody is there, nothing broken yet.
    pub async fn found(plan: Plan) -> Self {
        println!("{plan}");
        let site = backend::start().await;
        let Shape { nodes, redis, .. } = plan.shape;
        let redis = redis.then(|| RedisServer::with(&[("appendonly", "yes"), ("appendfsync", "always")]));
        let witness = match &redis {
            Some(server) => Some(House::build(&site, Some(server.url())).await),
            None => None,
        };
        let (mut houses, mut roads, mut wires) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..nodes {
            let wire = redis.as_ref().map(|server| Proxy::start(server.port()));
            let url = wire.as_ref().zip(redis.as_ref()).map(|(wire, server)| server.url_at(wire.port()));
            let house = House::build(&site, url).await;
            roads.push(Proxy::start(house.gateway.port));
            houses.push(house);
            wires.extend(wire);
        }
        let routes = ROUTES.iter().map(|(site, rooms)| Route::new(site, rooms)).collect();
        let ledger = Ledger::new(routes).forgetting_after(REMEMBERED).preface(plan.to_string());
        let mut town = Self {
            random: Random::begin(plan.seed),
            plan,
            houses,
            roads,
            wires,
            redis,
            witness,
            base: (None, Books::default()),
            crowd: Crowd::new(ledger),
            fleeting: Arc::new(AtomicU8::new(WHIMS)),
            visitors: 0,
            _site: site,
        };
        town.settlers().await;
        town
    }

    /// All rounds, and the end.
    pub async fn live(mut self) {
        let plan = self.plan.clone();
        for (number, round) in plan.rounds.iter().enumerate() {
            if number == plan.rounds.len() / 2 {
                self.two_devices("demo", USERS - 1).await;
            }
            if round.mild {
                self.base = self.take_base().await;
            }
            self.visit();
            let Self { crowd, roads, wires, houses, redis, .. } = &mut self;
            weather::endure(round, Ground { crowd, roads, wires, houses, redis }).await;
            self.lull(&format!("round {number}")).await;
            if let Some(node) = round.calm_kill {
                tokio::time::sleep(FORGETTABLE + Duration::from_millis(300)).await;
                weather::kill(&mut self.houses[node], &self.crowd).await;
                weather::start(&mut self.houses[node]).await;
                self.lull(&format!("round {number}, after a kill")).await;
            }
        }
        self.close().await;
    }

    async fn settlers(&mut self) {
        for user in 0..USERS - 1 {
            self.two_devices("demo", user).await;
        }
        for site in ["few", "gist"] {
            self.two_devices(site, 0).await;
        }
        let ports = self.ports();
        for (number, (site, _)) in ROUTES.iter().enumerate() {
            let mut sender = Sender::new(number, &ports, PAUSE, self.random.fork());
            sender.resync = (*site == "gist").then_some(8);
            self.crowd.hire(sender);
        }
    }

    async fn two_devices(&mut self, site: &str, user: usize) {
        let odd = if user % 2 == 1 { "+odd" } else { "" };
        let (ports, habits) = (self.ports(), self.habits());
        for device in 0..2 {
            let member = Member::new(site, &format!("user_{user}+all{odd}"), &format!("d{device}"));
            let member = if site == "demo" { member } else { member.lossy() };
            self.crowd.bring(member, &ports, habits.clone(), &mut self.random).await;
        }
    }

    /// Some come once and never again.
    fn visit(&mut self) {
        for _ in 0..FLEETING {
            self.visitors += 1;
            let member = Member::new("demo", "user_m+all", &format!("m{}", self.visitors)).fleeting();
            let habits = Habits { sessions: Some(1), ..self.habits() };
            let mut device = self.crowd.device(member, &self.ports(), habits, self.random.fork(), None);
            device.mood = Arc::clone(&self.fleeting);
            self.crowd.devices.spawn(device.live());
        }
    }

    fn habits(&self) -> Habits {
        let carriers = vec![Carrier::Socket(4), Carrier::Socket(3), Carrier::Polling, Carrier::Climbing];
        let (late, lost) = if self.plan.shape.redis { (HELD_UP, HELD_UP) } else { (WITHIN, FORGETTABLE) };
        // So long that inboxes grow beyond what a connect brings along.
        Habits { carriers, late, lost, away: Duration::from_millis(1_500), sessions: None }
    }

    fn ports(&self) -> Vec<u16> {
        self.roads.iter().map(Proxy::port).collect()
    }

    /// Nothing is broken, nobody sends, everybody stays: whoever is connected gets all that is due on the session that it
    /// has, and the books balance.
    async fn lull(&mut self, when: &str) {
        let began = Instant::now();
        let gate = Arc::clone(&self.crowd.desk.gate);
        let nobody_sends = gate.write().await;
        self.crowd.set(DUTIES);
        self.crowd.ledger.note(None, &[], format!("all must be well: {when}"));
        self.crowd.ledger.complete(WELL).await;
        self.crowd.ledger.check();
        for house in &self.houses {
            if let Some(wrong) = Books::read(house.books).await.and_then(|books| books.imbalance()) {
                self.crowd.ledger.complain(None, None, format!("{when}: {wrong}"));
            }
        }
        self.crowd.ledger.check();
        println!("{when}: all is well after {:?}", began.elapsed());
        self.crowd.set(WHIMS);
        drop(nobody_sends);
    }

    /// The last check: nothing is sent any more, all that waits is fetched, and the books must agree with the ledger.
    async fn close(mut self) {
        self.fleeting.store(HOME, Ordering::SeqCst);
        self.crowd.settle(WELL).await;
        self.books_agree("at the end", |books, ledger, base| {
            books.unrest(ledger.devices).or_else(|| books.contradiction(base, ledger))
        })
        .await;
        if self.redis.is_none() {
            // What was acked is in the file by now.
            tokio::time::sleep(FORGETTABLE).await;
            weather::kill(&mut self.houses[0], &self.crowd).await;
            weather::start(&mut self.houses[0]).await;
            self.books_agree("after one more kill", |books, ledger, _| books.unrest(ledger.devices)).await;
        }
        self.crowd.set(HOME);
        while let Some(gone) = self.crowd.devices.join_next().await {
            gone.unwrap();
        }
        self.crowd.ledger.check();
        self.report();
    }

    /// What the node has counted so far, read while nothing is sent.
    async fn take_base(&self) -> (Option<Instant>, Books) {
        let _nobody_sends = self.crowd.desk.gate.write().await;
        let books = Books::read(self.houses[0].books).await.expect("the node is there");
        (Some(Instant::now()), books)
    }

    /// Waits until nothing is wrong with the books.
    async fn books_agree(&self, when: &str, wrong: impl Fn(&Books, &Balance, &Books) -> Option<String>) {
        let (since, base) = &self.base;
        let house = self.witness.as_ref().unwrap_or(&self.houses[0]);
        let end = Instant::now() + CLOSED;
        loop {
            let ledger = self.crowd.ledger.balance(*since);
            let books = Books::read(house.books).await;
            let wrong = match &books {
                None => Some("no answer".to_owned()),
                Some(books) => wrong(books, &ledger, base),
            };
            let text = format!("{books:?}\nafter {base:?}\nby the ledger {ledger:?}");
            let Some(wrong) = wrong else {
                println!("{when}: {text}");
                return;
            };
            if Instant::now() > end {
                self.crowd.ledger.complain(None, None, format!("{when}: {wrong}\n{text}"));
                self.crowd.ledger.check();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn report(&self) {
        let (accepted, deliveries, again) = self.crowd.ledger.sum();
        let refused = self.crowd.desk.seen.borrow().refused;
        println!(
            "{accepted} accepted, {refused} times 503; {deliveries} delivered; {}",
            self.crowd.ledger.explain()
        );
        println!("violations: 0");
        // A run in which little came, or nothing had to come again, would prove nothing.
        let enough = accepted > 100 && deliveries > accepted && again > 10;
        assert!(enough, "{accepted} accepted, {deliveries} delivered, {again} again");
    }
}

impl House {
    async fn build(site: &SiteServer, redis: Option<String>) -> Self {
        let books = free_port();
        let mut config = format!(
            "device_ttl: {TTL}\ndrainTimeout: 3\nmetrics: {{listen: '127.0.0.1:{books}'}}\n\
             io: {{pingInterval: 1s, pingTimeout: 4s}}\n"
        );
        if let Some(url) = &redis {
            config.push_str(&format!("redis: {{url: '{url}', shards: 4, lease: 2s}}\n"));
        }
        let setup = Setup::new().config(&config).env("RUST_LOG", "info").no_size_signal();
        let setup = setup.site("demo", site, "queue: {maxMessages: 1000000, maxBytes: 256MiB}");
        let setup = setup.site("few", site, "queue: {maxMessages: 3, policy: dropOldest}");
        let setup = setup.site("gist", site, "queue: {maxMessages: 12, policy: resync}");
        Self { gateway: setup.start().await, books, redis: redis.is_some() }
    }
}

//! The lane to one shard: what waits for it leaves in flights, one at a time, in order, however often the connection
//! breaks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::desk::Desk;
use super::flight::{Item, Numbers, Step, Waiting};
use super::lists::Lists;
use super::pause::jitter;
use super::watch::Watch;
use super::words::{Gen, NodeId, RoomName, ShardNo, Txn};
use super::{calls, landing, reader};
use crate::backplane::{Line, Lines, Slot, Trouble};
use crate::store::{StoreError, StoreEvent};

mod acks;
mod registration;

/// Devices adopted by one script.
const ADOPTED: usize = 256;
/// How long a subscription may take to be in force before work begins without it.
const READY: Duration = Duration::from_millis(300);
/// How long a node rests between two steps of sweeping.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);
/// How often a step that was not carried out is tried again, at most.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// The lane to one shard.
pub(super) struct Lane {
    pub(super) shard: ShardNo,
    slot: Slot,
    pub(super) desk: Rc<Desk>,
    lines: Rc<Lines>,
    pub(super) waiting: RefCell<Waiting>,
    pub(super) watch: RefCell<Watch>,
    pub(super) lists: RefCell<Lists>,
    /// What the shard calls this process.
    node: Cell<Option<NodeId>>,
    /// The server's process that gave the name.
    run: RefCell<Box<str>>,
    last_txn: Cell<u64>,
    /// The last one of the flights that are done.
    landed: Cell<u64>,
    lost: Cell<bool>,
    /// The shard may have lost something, and with it who is in which rooms.
    pub(super) suspicious: Cell<bool>,
    next_tick: Cell<Instant>,
    /// When the acks that wait leave, if nothing takes them along before.
    acks_leave: Cell<Instant>,
    /// Rooms without members, whose homes have been told: to be forgotten with the next tick.
    pub(super) deserted: RefCell<Vec<RoomName>>,
    bell: Notify,
    /// Rung when a publication was heard, or given up on.
    pub(super) heard: Notify,
    /// Rung when the subscription is in force.
    pub(super) ready: Notify,
    /// The next tick follows a subscription that was interrupted: what it names and has not come is lost.
    pub(super) interrupted: Cell<bool>,
    closing: Cell<bool>,
}

/// How the work under one name of this node ended.
enum End {
    /// The shard does not know this node by that name any more.
    Disowned,
    /// Another process has the data now, which may have lost the last moments of it.
    Elsewhere,
    Closed,
}

/// What landing came to.
pub(super) enum Landing {
    Done,
    /// What is left of the flight has to go again.
    Again(Trouble),
    Disowned,
    /// Another process of the server has the data, which gave this node no name.
    Elsewhere,
}

/// A flight under way.
pub(super) struct Flight {
    pub(super) steps: Vec<Step>,
    /// A copy of it may have arrived, or arrive yet.
    pub(super) uncertain: bool,
}

impl Lane {
    pub(super) fn new(shard: ShardNo, desk: Rc<Desk>, lines: Rc<Lines>) -> Rc<Self> {
        let slot = Slot::of(desk.keys.prefix(shard));
        Rc::new(Self {
            shard,
            slot,
            desk,
            lines,
            waiting: RefCell::default(),
            watch: RefCell::default(),
            lists: RefCell::default(),
            node: Cell::new(None),
            run: RefCell::default(),
            last_txn: Cell::new(0),
            landed: Cell::new(0),
            lost: Cell::new(false),
            suspicious: Cell::new(false),
            next_tick: Cell::new(Instant::now()),
            acks_leave: Cell::new(Instant::now()),
            deserted: RefCell::default(),
            bell: Notify::new(),
            heard: Notify::new(),
            ready: Notify::new(),
            interrupted: Cell::new(false),
            closing: Cell::new(false),
        })
    }

    pub(super) fn push(&self, item: Item) {
        self.waiting.borrow_mut().items.push_back(item);
        self.bell.notify_one();
    }

    /// Puts items before all others, in this order.
    pub(super) fn push_first(&self, items: Vec<Item>) {
        let mut waiting = self.waiting.borrow_mut();
        for item in items.into_iter().rev() {
            waiting.items.push_front(item);
        }
        self.bell.notify_one();
    }

    /// No more is coming: the lane ends when what waits is carried out.
    pub(super) fn close(&self) {
        self.closing.set(true);
        self.bell.notify_one();
    }

    /// The next tick comes at once.
    pub(super) fn tick_now(&self) {
        self.next_tick.set(Instant::now());
        self.bell.notify_one();
    }

    /// The next tick comes in a moment (there is more to sweep), or in a third of a lease.
    pub(super) fn tick_later(&self, soon: bool) {
        let pause = if soon { SWEEP_PAUSE } else { jitter(self.desk.options.lease / 3) };
        self.next_tick.set(Instant::now() + pause);
    }

    pub(super) fn node(&self) -> Option<NodeId> {
        self.node.get()
    }

    /// All sessions here may have missed something.
    pub(super) fn all_missed(&self) {
        for session in self.watch.borrow().all_sessions() {
            self.desk.tell(session.worker, StoreEvent::Missed { session });
        }
    }

    /// Registers and works, again and again, until the store is closed.
    pub(super) async fn run(self: Rc<Self>) {
        while let Some(node) = self.register().await {
            let reader = self.enter(node);
            // What is published before the subscription is in force would have to be read again.
            let _ = tokio::time::timeout(READY, self.ready.notified()).await;
            let end = self.work(node).await;
            reader.abort();
            self.node.set(None);
            self.desk.deliver();
            if !matches!(end, End::Closed) {
                self.desk.doubt();
            }
            match end {
                End::Closed => return,
                End::Elsewhere => tracing::debug!(
                    shard = self.shard.0,
                    "the server was started again, or another one took over: registering anew"
                ),
                End::Disowned => self.desk.say_disowned(self.shard),
            }
        }
    }

    /// Begins under a new name: what is here is adopted before anything else is done.
    fn enter(self: &Rc<Self>, node: NodeId) -> JoinHandle<()> {
        self.node.set(Some(node));
        self.last_txn.set(0);
        self.landed.set(0);
        self.next_tick.set(Instant::now());
        let adopted = self.watch.borrow_mut().renamed(self.suspicious.take());
        self.push_first(adopted.chunks(ADOPTED).map(|some| Item::Adopt(some.to_vec())).collect());
        // What was published to the old name is lost to the new one. Told before anything comes under the new one.
        self.all_missed();
        self.desk.deliver();
        // What homes were told may be lost with the rest; on the first time there is nothing.
        self.desk.relist(self);
        let channel = self.desk.keys.channel(self.shard, node);
        let subscription = self.lines.subscribe(self.slot, channel);
        tokio::task::spawn_local(reader::run(Rc::clone(self), subscription))
    }

    /// Works under the name `node`.
    async fn work(self: &Rc<Self>, node: NodeId) -> End {
        loop {
            let steps = self.next_steps();
            if !steps.is_empty() {
                let mut flight = Flight { steps, uncertain: false };
                let landing = self.fly(node, &mut flight).await;
                if matches!(landing, Landing::Disowned | Landing::Elsewhere) {
                    landing::disowned(self, flight);
                    let elsewhere = matches!(landing, Landing::Elsewhere);
                    return if elsewhere { End::Elsewhere } else { End::Disowned };
                }
                self.desk.deliver();
                continue;
            }
            if self.closing.get() {
                self.resign(node).await;
                return End::Closed;
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep_until(self.wakes_at().into()) => {}
            }
        }
    }

    fn next_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let now = Instant::now();
        if now >= self.next_tick.get() {
            // If it goes wrong, the next one comes in its time.
            self.tick_later(false);
            steps.push(Step::Tick(self.deserted.take(), Vec::new()));
        }
        let mut waiting = self.waiting.borrow_mut();
        let acks_leave = self.closing.get() || now >= self.acks_leave.get();
        steps.extend(waiting.take_flight(&mut Counting(self), acks_leave));
        steps
    }

    /// Sends a flight, as often as it takes.
    async fn fly(self: &Rc<Self>, node: NodeId, flight: &mut Flight) -> Landing {
        let mut pause = PAUSE;
        loop {
            let trouble = match self.lines.line(self.slot).await {
                Ok(line) => {
                    let elsewhere = *line.findings().run_id != **self.run.borrow();
                    self.suspicious.set(self.suspicious.get() || elsewhere);
                    // What may have been carried out is asked for under the old name, if that is still known there.
                    if elsewhere && !flight.uncertain {
                        return Landing::Elsewhere;
                    }
                    match self.fly_once(&line, node, flight).await {
                        Landing::Again(trouble) => trouble,
                        Landing::Done if elsewhere => return Landing::Elsewhere,
                        landing => return landing,
                    }
                }
                Err(trouble) => trouble,
            };
            self.down(&trouble, false);
            self.rest(&mut pause).await;
            self.forget_given_up();
            self.join_flight(flight);
            landing::recall(self, flight);
        }
    }

    async fn fly_once(self: &Rc<Self>, line: &Line, node: NodeId, flight: &mut Flight) -> Landing {
        let pipeline = calls::pipeline(&self.desk, self.shard, node, &flight.steps);
        let results = match self.attempt(line, &pipeline).await {
            Ok(results) => results,
            Err(trouble) => {
                flight.uncertain = true;
                return Landing::Again(trouble);
            }
        };
        let landing = landing::land(self, flight, results);
        self.desk.deliver();
        if matches!(landing, Landing::Done) {
            self.landed.set(self.last_txn.get());
            self.up();
        }
        landing
    }

    /// Clients come again and again while the server is away: what they have given up does not pile up.
    fn forget_given_up(&self) {
        let desk = &self.desk;
        self.waiting.borrow_mut().items.retain(|item| match item {
            Item::Connect(arriving) => desk.awaits(arriving.session, arriving.ticket),
            Item::Enlist(_, landed) | Item::Ask(_, landed) => landed.is_awaited(),
            _ => true,
        });
    }

    /// What needs no number does not wait for a flight that is held up: acks make room where memory is short, and ticks
    /// keep the lease.
    fn join_flight(&self, flight: &mut Flight) {
        let is_ack = |step: &&Step| matches!(step, Step::Acks(_));
        let has_tick = flight.steps.iter().any(|step| matches!(step, Step::Tick(..)));
        let mut joined = Vec::new();
        if flight.steps.iter().filter(is_ack).count() == 0 {
            joined = self.waiting.borrow_mut().take_acks();
        }
        if !has_tick && Instant::now() >= self.next_tick.get() {
            self.tick_later(false);
            joined.push(Step::Tick(Vec::new(), Vec::new()));
        }
        joined.append(&mut flight.steps);
        flight.steps = joined;
    }

    /// A tick has named the last transaction that the shard knows of: whether it has lost some.
    pub(super) fn compare(&self, last: Txn) {
        self.lost.set(self.lost.get() || last.0 < self.landed.get());
    }

    /// Whether the shard was found to have lost something. Asked once.
    pub(super) fn take_lost(&self) -> bool {
        self.lost.take()
    }

    /// One attempt. What is wrong with the line is reported. Where it fails it may have arrived.
    async fn attempt(
        &self,
        line: &Line,
        pipeline: &redis::Pipeline,
    ) -> Result<Vec<Result<redis::Value, Trouble>>, Trouble> {
        let results = line.send(pipeline).await;
        match &results {
            Err(trouble) => self.lines.report(line, trouble),
            Ok(results) => self.report_steps(line, results),
        }
        results
    }

    fn report_steps(&self, line: &Line, results: &[Result<redis::Value, Trouble>]) {
        for result in results {
            if let Err(trouble @ (Trouble::Elsewhere(_) | Trouble::NotNow(_) | Trouble::Broken(_))) = result {
                return self.lines.report(line, trouble);
            }
        }
    }

    fn down(&self, trouble: &Trouble, entering: bool) {
        let fatal = entering && !trouble.may_pass();
        let text = super::explain(trouble);
        if self.desk.shared.down(self.shard, &text, fatal) {
            let again = if fatal { "" } else { "; trying again" };
            tracing::warn!(reason = %text, "the store on Redis cannot be used, /send answers 503{again}");
        }
    }

    fn up(&self) {
        if let Some(down) = self.desk.shared.up(self.shard) {
            tracing::info!(after_ms = down.as_millis() as u64, "the store on Redis is in order again");
        }
    }

    async fn rest(&self, pause: &mut Duration) {
        tokio::time::sleep(jitter(*pause)).await;
        *pause = (*pause * 2).min(PAUSE_MAX);
    }

    /// Why messages wait in vain.
    pub(super) fn uncertain_error() -> StoreError {
        StoreError::Unavailable("this node was taken for dead while the message was on its way".into())
    }
}

/// Gives out the numbers of a lane.
struct Counting<'a>(&'a Lane);

impl Numbers for Counting<'_> {
    fn txn(&mut self) -> Txn {
        self.0.last_txn.set(self.0.last_txn.get() + 1);
        Txn(self.0.last_txn.get())
    }

    fn generation(&mut self) -> Gen {
        self.0.watch.borrow_mut().next_generation()
    }
}

//! The writer thread: round after round, take everything that waits, change memory, write, publish.
//!
//! A round with a connect or a message is written at once: while it is, the next group gathers by itself. Acks
//! ride along, or are written alone soon after; lists that have become shorter wait longest, since most of them
//! are about to become empty.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::{Ack, Append, AppendAll, Connect, Page, PageLimit, Read, StoreError, StoreEvent};
use super::backlog::{Backlog, Room};
use super::debts::{Debts, End};
use super::intake::{Command, Woken};
use super::ledger::{Extent, Ledger};
use super::page::Job;
use super::publish::{Planned, Publisher};
use super::state::State;
use super::{Shared, load};
use crate::domain::{DeviceNo, DeviceTtl, Event, Message, Receipt, Seq};

/// How long acks and ends of sessions wait for a round to ride along with.
const ACK_WAIT: Duration = Duration::from_millis(100);
/// How long a shortened list waits.
const LIST_WAIT: Duration = Duration::from_secs(1);
/// How long after a failure the next attempt is made, where nobody asks for one earlier.
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// Expiries are gathered for this long.
const SWEEP_WAIT: Duration = Duration::from_secs(1);
/// An inbox within this limit is loaded by the writer itself.
const SMALL_PAGE: PageLimit = PageLimit { entries: 16, bytes: 64 << 10 };

/// Opens the registry, says on `ready` how that went, and writes until the store is closed.
pub(super) fn run(
    db: &Connection,
    shared: &Arc<Shared>,
    ttl: DeviceTtl,
    jobs: Sender<Job>,
    ready: &Sender<Result<(), StoreError>>,
) {
    let _end = End(shared);
    let mut state = State::new(ttl);
    let unix_ms = shared.clock.unix_ms(Instant::now());
    let opened = load::load(db, &mut state, unix_ms).and_then(|()| Ledger::new(db));
    match opened {
        Err(error) => drop(ready.send(Err(StoreError::Open(error.to_string())))),
        Ok(ledger) => {
            state.expire(unix_ms);
            shared.health.count(state.counters);
            drop(ready.send(Ok(())));
            Writer::new(Arc::clone(shared), state, ledger, jobs).run();
        }
    }
}

struct Writer<'c> {
    shared: Arc<Shared>,
    state: State,
    ledger: Ledger<'c>,
    publisher: Publisher,
    jobs: Sender<Job>,
    plan: Vec<Planned>,
    /// Messages that wait for a later round.
    backlog: Backlog,
    debts: Debts,
    reads: Vec<Read>,
    /// An ack of this round has caused a resync, which is told only when it is durable.
    urgent: bool,
    /// Since when something waits for a round to ride along with.
    waiting_since: Option<Instant>,
    /// Since when a list is longer in the file.
    lists_since: Option<Instant>,
    failed_at: Option<Instant>,
    swept_at: Instant,
}

impl<'c> Writer<'c> {
    fn new(shared: Arc<Shared>, state: State, ledger: Ledger<'c>, jobs: Sender<Job>) -> Self {
        let publisher = Publisher::new(Arc::clone(&shared.outlet));
        let debts = Debts::new(Arc::clone(&shared));
        let waiting_since = Some(Instant::now());
        Self {
            shared,
            state,
            ledger,
            publisher,
            jobs,
            plan: Vec::new(),
            backlog: Backlog::default(),
            debts,
            reads: Vec::new(),
            urgent: false,
            waiting_since,
            lists_since: None,
            failed_at: None,
            swept_at: Instant::now(),
        }
    }

    fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let woken = self.shared.intake.take(&mut batch, self.backlog.loads(), self.deadline());
            if woken == Woken::Abort {
                return self.debts.forget();
            }
            self.debts.owe(&batch);
            self.round(&mut batch);
            if woken == Woken::Close {
                while !self.backlog.is_empty() && !self.shared.intake.aborted() {
                    self.round(&mut batch);
                }
                return self.finish();
            }
        }
    }

    /// When there is something to do even if nobody asks.
    fn deadline(&self) -> Option<Instant> {
        if !self.backlog.is_empty() {
            return Some(Instant::now());
        }
        let expiry = self.state.next_expiry().and_then(|at| self.shared.clock.instant(at));
        let sweep = expiry.map(|at| at.max(self.swept_at + SWEEP_WAIT));
        let waiting = self.waiting_since.map(|at| at + ACK_WAIT);
        let lists = self.lists_since.map(|at| at + LIST_WAIT);
        let probe = self.failed_at.map(|at| at + PROBE_WAIT);
        let write = probe.or_else(|| waiting.into_iter().chain(lists).min());
        sweep.into_iter().chain(write).min()
    }

    fn round(&mut self, batch: &mut Vec<Command>) {
        let now = Instant::now();
        let unix_ms = self.shared.clock.unix_ms(now);
        // Not in each round: a sweep costs a pass over every room that somebody leaves.
        let due = self.state.next_expiry().is_some_and(|at| at <= unix_ms);
        if due && now >= self.swept_at + SWEEP_WAIT {
            self.state.expire(unix_ms);
            self.swept_at = now;
        }
        // After a failure what goes out is written alone first: it may make room for what comes in.
        let alone = self.failed_at.is_some() && self.state.has_changes();
        let mut written = if alone { self.write(now) } else { Ok(()) };
        self.apply_all(batch, unix_ms);
        let must = self.state.has_promises() || self.urgent || self.deadline_passed(now);
        if must && written.is_ok() {
            written = self.write(now);
        }
        if written.is_err() {
            self.state.undo(unix_ms);
        }
        self.set_timers(now);
        self.shared.health.count(self.state.counters);
        self.publish(&written);
        self.debts.paid(self.backlog.commands());
        self.answer_reads();
    }

    fn deadline_passed(&self, now: Instant) -> bool {
        let passed = |since: Option<Instant>, wait| since.is_some_and(|at| now >= at + wait);
        match self.failed_at {
            Some(_) => passed(self.failed_at, PROBE_WAIT),
            None => passed(self.waiting_since, ACK_WAIT) || passed(self.lists_since, LIST_WAIT),
        }
    }

    fn set_timers(&mut self, now: Instant) {
        self.urgent = false;
        let keep = |since: Option<Instant>, waits: bool| waits.then(|| since.unwrap_or(now));
        self.waiting_since = keep(self.waiting_since, self.state.has_changes());
        self.lists_since = keep(self.lists_since, !self.state.changes.stale.is_empty());
    }

    fn write(&mut self, now: Instant) -> Result<(), StoreError> {
        let lists = self.lists_since.is_some_and(|at| now >= at + LIST_WAIT);
        let probe = self.failed_at.is_some();
        let extent = Extent { lists, reserve: probe, exact: false, skew_ms: self.shared.clock.skew_ms() };
        match self.ledger.write(&self.state, extent) {
            Ok(()) => {
                self.state.saved(lists);
                self.waiting_since = None;
                self.lists_since = self.lists_since.filter(|_| !lists);
                if self.failed_at.take().is_some() {
                    self.shared.health.succeeded();
                }
                Ok(())
            }
            Err(error) => {
                let error = StoreError::Write(error.to_string());
                self.failed_at = Some(Instant::now());
                self.shared.health.failed(error.clone());
                Err(error)
            }
        }
    }

    /// In the order in which they came, but for messages that this round has no room for.
    fn apply_all(&mut self, batch: &mut Vec<Command>, unix_ms: u64) {
        let mut room = Room::of_a_round();
        for command in batch.drain(..) {
            match command.site() {
                Some(site) if !room.is_left() || !self.backlog.is_empty() => {
                    self.backlog.push(site.clone(), command);
                }
                _ => self.apply(command, &mut room, unix_ms),
            }
        }
        while room.is_left()
            && let Some(command) = self.backlog.pop()
        {
            self.apply(command, &mut room, unix_ms);
        }
    }

    fn apply(&mut self, command: Command, room: &mut Room, unix_ms: u64) {
        match command {
            Command::Connect(connect) => self.connect(*connect, unix_ms),
            Command::Append(Append { reply, message }) => {
                let receipt = self.append(&message, room);
                self.plan.push(Planned::Appended { reply, receipt });
            }
            Command::AppendAll(AppendAll { reply, messages }) => {
                let receipts = messages.iter().map(|message| self.append(message, room)).collect();
                self.plan.push(Planned::AppendedAll { reply, receipts });
            }
            Command::Acks(acks) => acks.into_iter().for_each(|ack| self.ack(ack)),
            Command::Read(read) => self.reads.push(read),
            Command::Disconnect(sessions) => {
                for session in sessions {
                    self.state.disconnect(session, unix_ms);
                }
            }
        }
    }

    fn connect(&mut self, connect: Connect, unix_ms: u64) {
        let Connect { session, device, rooms, limit } = connect;
        let device = self.state.connect(session, device, rooms, unix_ms);
        let entries = limit.entries.min(SMALL_PAGE.entries);
        let bytes = limit.bytes.min(SMALL_PAGE.bytes);
        let (mut page, mut seqs) = self.state.page(device, Seq(0), PageLimit { entries, bytes });
        if page.more {
            seqs.clear();
            page.through = Seq(0);
        }
        self.plan.push(Planned::Connected { session, device, page, seqs });
    }

    fn append(&mut self, message: &Arc<Message>, room: &mut Room) -> Receipt {
        let appended = self.state.append(message);
        if let Some((seq, devices)) = appended.entry {
            let (message, workers) = (Arc::clone(message), appended.workers);
            self.plan.push(Planned::Entry { seq, message, devices, workers });
        }
        self.plan.extend(appended.cleared.into_iter().map(Planned::Overflow));
        room.spend(appended.receipt.devices as usize);
        appended.receipt
    }

    fn ack(&mut self, ack: Ack) {
        match ack {
            Ack::Entry(device, seq) => self.ack_entry(device, seq, Seq(0)),
            Ack::EntryBehindBatch(device, seq, batch) => self.ack_entry(device, seq, batch),
            Ack::Through(device, seq) => self.state.ack_through(device, seq),
            Ack::Resynced(device, through) => self.state.resynced(device, through),
        }
    }

    fn ack_entry(&mut self, device: DeviceNo, seq: Seq, batch: Seq) {
        if let Some(cleared) = self.state.ack_entry(device, seq, batch) {
            self.urgent = true;
            self.plan.push(Planned::Resync(cleared));
        }
    }

    fn publish(&mut self, written: &Result<(), StoreError>) {
        for plan in mem::take(&mut self.plan) {
            match written {
                Ok(()) => {
                    let ledger = &mut self.ledger;
                    self.publisher.success(plan, |page, seqs| fill(ledger, page, seqs));
                }
                Err(error) => self.publisher.failure(plan, error),
            }
        }
        self.publisher.deliver();
    }

    /// Reads are answered from what is durable, so after the commit.
    fn answer_reads(&mut self) {
        for read in mem::take(&mut self.reads) {
            let Read { session, device, after, limit } = read;
            let (page, seqs) = self.state.page(device, after, limit);
            match self.state.site(device) {
                Some(site) if !seqs.is_empty() => {
                    drop(self.jobs.send(Job { site: site.clone(), session, page, after, seqs }));
                }
                _ => self.publisher.push(session.worker, StoreEvent::Page { session, page }),
            }
        }
        self.publisher.deliver();
    }

    /// Nothing follows: everything goes into the file.
    fn finish(mut self) {
        let extent =
            Extent { lists: true, reserve: false, exact: true, skew_ms: self.shared.clock.skew_ms() };
        if let Err(error) = self.ledger.write(&self.state, extent) {
            tracing::error!(%error, "the store could not write back its last acks; their entries come again");
        }
        if let Err(error) = self.ledger.checkpoint() {
            tracing::warn!(%error, "the store was closed without a checkpoint");
        }
    }
}

/// The first page of a connect. Where it cannot be loaded now, the session reads on from the beginning.
fn fill(ledger: &mut Ledger<'_>, mut page: Page, seqs: &[Seq]) -> Page {
    for seq in seqs {
        match ledger.event(*seq) {
            Ok(Some(body)) => page.entries.push((*seq, Event::stored(body))),
            Ok(None) => {}
            Err(_) => {
                let resync = page.resync;
                return Page { entries: Vec::new(), through: Seq(0), more: true, resync };
            }
        }
    }
    page
}

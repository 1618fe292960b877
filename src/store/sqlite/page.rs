//! The reader: fetches the bodies of a page, so that long inboxes do not hold up the writer.
//!
//! The writer names the entries after the commit that made them durable. A body that has gone meanwhile was
//! acknowledged, or cleared: it is left out. Sites take turns, page by page: when all clients of one come back with long
//! inboxes, those of the others do not wait for all of that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::{Page, StoreEvent};
use super::Shared;
use super::debts::Closing;
use super::ledger::{self, EVENT};
use super::turns::Turns;
use crate::domain::{Event, Seq, SessionRef, SiteName};

/// How long a page that cannot be read waits before it is answered as far as it came.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A page to be filled.
pub(super) struct Job {
    pub(super) site: SiteName,
    pub(super) session: SessionRef,
    /// Without its entries.
    pub(super) page: Page,
    /// Where it begins, as the session asked.
    pub(super) after: Seq,
    /// Its entries.
    pub(super) seqs: Vec<Seq>,
}

/// Pages that could not be read: when each is answered, and for whom.
type Late = VecDeque<(Instant, SessionRef, Page)>;

/// Fills pages until the writer has ended.
pub(super) fn run(db: &Connection, jobs: &Receiver<Job>, shared: &Arc<Shared>) {
    let _end = Closing(shared);
    let (mut late, mut turns) = (Late::new(), Turns::default());
    loop {
        let wait = if turns.is_empty() { until(&late) } else { Some(Duration::ZERO) };
        let job = match wait {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => jobs.recv_timeout(wait),
        };
        if shared.intake.aborted() {
            return;
        }
        let ended = matches!(job, Err(RecvTimeoutError::Disconnected));
        if ended && turns.is_empty() {
            return;
        }
        for job in job.into_iter().chain(jobs.try_iter()) {
            turns.push(job.site.clone(), job);
        }
        if let Some((_, job)) = turns.pop() {
            read(db, job, shared, &mut late);
        }
        let now = Instant::now();
        while let Some((_, session, page)) = late.pop_front_if(|(at, ..)| *at <= now) {
            deliver(shared, session, page);
        }
    }
}

/// How long until the first late page is to be answered.
fn until(late: &Late) -> Option<Duration> {
    late.front().map(|(at, ..)| at.saturating_duration_since(Instant::now()))
}

fn read(db: &Connection, job: Job, shared: &Shared, late: &mut Late) {
    let Job { session, mut page, after, seqs, .. } = job;
    let mut read = after;
    match fill(db, &seqs, &mut page, &mut read) {
        Ok(()) => deliver(shared, session, page),
        Err(error) => {
            tracing::error!(%error, after = read.0, "an inbox cannot be read");
            // What follows is asked for again: at this pace, and not in a loop. Others do not wait meanwhile.
            (page.through, page.more) = (read, true);
            late.push_back((Instant::now() + RETRY_AFTER, session, page));
        }
    }
}

fn deliver(shared: &Shared, session: SessionRef, page: Page) {
    shared.outlet.deliver(session.worker, vec![StoreEvent::Page { session, page }]);
}

/// Adds the entries; `read` follows as far as that goes.
fn fill(db: &Connection, seqs: &[Seq], page: &mut Page, read: &mut Seq) -> rusqlite::Result<()> {
    let mut statement = db.prepare(EVENT)?;
    for seq in seqs {
        let body = ledger::event(&mut statement, *seq)?;
        page.entries.extend(body.map(|body| (*seq, Event::stored(body))));
        *read = *seq;
    }
    Ok(())
}

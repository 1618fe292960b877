//! The reader: fetches the bodies of a page, so that long inboxes do not hold up the writer.
//!
//! The writer names the entries after the commit that made them durable. A body that has gone meanwhile was
//! acknowledged, or cleared: it is left out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::{Page, StoreEvent};
use super::Shared;
use super::debts::Closing;
use super::ledger::{self, EVENT};
use crate::domain::{Event, Seq, SessionRef};

/// How long a page that cannot be read waits before it is answered as far as it came.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A page to be filled.
pub(super) struct Job {
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
    let mut late = Late::new();
    loop {
        let job = match late.front() {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((at, ..)) => jobs.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        if shared.intake.aborted() {
            return;
        }
        match job {
            Ok(job) => read(db, job, shared, &mut late),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while let Some((_, session, page)) = late.pop_front_if(|(at, ..)| *at <= now) {
            deliver(shared, session, page);
        }
    }
}

fn read(db: &Connection, job: Job, shared: &Shared, late: &mut Late) {
    let Job { session, mut page, after, seqs } = job;
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

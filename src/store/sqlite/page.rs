//! The reader: fetches the bodies of a page, so that long inboxes do not hold up the writer.
//!
//! The writer names the entries after the commit that made them durable. A body that has gone meanwhile was
//! acknowledged, or cleared: it is left out.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::{Page, StoreEvent};
use super::Shared;
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

/// Fills pages until the writer has ended.
pub(super) fn run(db: &Connection, jobs: &Receiver<Job>, shared: &Arc<Shared>) {
    while let Ok(job) = jobs.recv() {
        let Job { session, mut page, after, seqs } = job;
        let mut read = after;
        if let Err(error) = fill(db, &seqs, &mut page, &mut read) {
            tracing::error!(%error, after = read.0, "an inbox cannot be read");
            // What follows is asked for again: at this pace, and not in a loop.
            shared.intake.pause(Instant::now() + RETRY_AFTER);
            (page.through, page.more) = (read, true);
        }
        if shared.intake.aborted() {
            return;
        }
        shared.outlet.deliver(session.worker, vec![StoreEvent::Page { session, page }]);
    }
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

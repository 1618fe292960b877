//! Answers that are still owed when a thread of the store dies. A panic there is a bug, but those who wait must
//! not wait for ever because of it.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::super::{StoreError, StoreEvent};
use super::Shared;
use super::intake::Command;
use crate::domain::{ReplyTo, SessionRef, WorkerId};

/// One who waits.
enum Debt {
    Append(ReplyTo),
    /// So many messages.
    AppendAll(ReplyTo, usize),
    Connect(SessionRef),
}

impl Debt {
    fn of(command: &Command) -> Option<Self> {
        match command {
            Command::Connect(connect) => Some(Self::Connect(connect.session)),
            Command::Append(append) => Some(Self::Append(append.reply)),
            Command::AppendAll(all) => Some(Self::AppendAll(all.reply, all.messages.len())),
            Command::Acks(_) | Command::Read(_) | Command::Disconnect(_) => None,
        }
    }

    fn refusal(self) -> (WorkerId, StoreEvent) {
        let error = StoreError::Closed;
        match self {
            Self::Append(reply) => {
                (reply.worker, StoreEvent::Appended { token: reply.token, outcome: Err(error) })
            }
            Self::AppendAll(reply, count) => (
                reply.worker,
                StoreEvent::AppendedAll { token: reply.token, outcomes: vec![Err(error); count] },
            ),
            Self::Connect(session) => (session.worker, StoreEvent::ConnectFailed { session, error }),
        }
    }
}

/// Who waits for the round under way. Dropped before that has told them, it tells them that the store is closed:
/// what became of it nobody knows, and asking again is right.
pub(super) struct Debts {
    shared: Arc<Shared>,
    list: Vec<Debt>,
}

impl Debts {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, list: Vec::new() }
    }

    /// A round with these begins.
    pub(super) fn owe(&mut self, commands: &[Command]) {
        self.list.extend(commands.iter().filter_map(Debt::of));
    }

    /// All were told but those who wait for a later round.
    pub(super) fn paid<'a>(&mut self, left: impl Iterator<Item = &'a Command>) {
        self.list.clear();
        self.list.extend(left.filter_map(Debt::of));
    }
}

impl Drop for Debts {
    fn drop(&mut self) {
        refuse(&self.shared, mem::take(&mut self.list));
    }
}

/// The end of the reader, whatever brings it: without it nothing is taken any more. The writer carries out what
/// waits, and ends.
pub(super) struct Closing<'a>(pub(super) &'a Arc<Shared>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.intake.close();
    }
}

/// The end of the writer, whatever brings it: nothing more is taken, and who waits is told. After an orderly end
/// nobody does.
pub(super) struct End<'a>(pub(super) &'a Arc<Shared>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let left = self.0.intake.bury();
        refuse(self.0, left.iter().filter_map(Debt::of).collect());
    }
}

fn refuse(shared: &Arc<Shared>, debts: Vec<Debt>) {
    for debt in debts {
        let (worker, refusal) = debt.refusal();
        // The outlet may be what has panicked; a second panic would end the process.
        let told = catch_unwind(AssertUnwindSafe(|| shared.outlet.deliver(worker, vec![refusal])));
        if told.is_err() {
            tracing::error!(worker = worker.0, "a worker could not be told that the store is closed");
        }
    }
}

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

    /// Nobody is told any more, as in a crash.
    pub(super) fn forget(&mut self) {
        self.list.clear();
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::domain::{DeviceTtl, Durability, Event, Flake, Message, Room, Site};
    use crate::store::sqlite::{SqliteOptions, SqliteStore};
    use crate::store::{Append, Outlet, Store};

    /// Holds the writer up at the first thing it says.
    struct Gate {
        reached: SyncSender<()>,
        open: Mutex<Receiver<()>>,
        closed: Mutex<usize>,
    }

    impl Outlet for Gate {
        fn deliver(&self, _: WorkerId, events: Vec<StoreEvent>) {
            let closed = |event: &&StoreEvent| {
                matches!(event, StoreEvent::Appended { outcome: Err(StoreError::Closed), .. })
            };
            *self.closed.lock().unwrap_or_else(PoisonError::into_inner) +=
                events.iter().filter(closed).count();
            if self.reached.try_send(()).is_ok() {
                let _ = self.open.lock().unwrap().recv_timeout(Duration::from_secs(20));
            }
        }
    }

    #[test]
    fn after_an_abort_nobody_is_answered_not_even_who_waits_for_a_later_round() {
        let (folder, site) = (tempfile::tempdir().unwrap(), Site::sample("s"));
        let ((reached, here), (open, gate)) = (sync_channel(1), channel());
        let outlet = Arc::new(Gate { reached, open: Mutex::new(gate), closed: Mutex::new(0) });
        let options = SqliteOptions::new(folder.path(), Durability::Full, DeviceTtl::Never);
        let store = SqliteStore::open(&options, Arc::clone(&outlet) as _).unwrap();
        let flake = Flake::new(1).unwrap();
        let send = |token| {
            let message = Message {
                id: flake.next(),
                site: site.name.clone(),
                rooms: [Room::of(&site, "room")].into(),
                event: Event::stored(b"[]".as_slice().into()),
                resync: false,
                bounds: site.queue,
                except: None,
            };
            let reply = ReplyTo { worker: WorkerId(0), token };
            store.append(Append { reply, message: Arc::new(message) });
        };
        send(0);
        here.recv_timeout(Duration::from_secs(20)).unwrap();
        // Held up: all of these come in one batch, of which a round does a part. It is held up again then.
        (1..2000).for_each(send);
        open.send(()).unwrap();
        here.recv_timeout(Duration::from_secs(20)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| store.abort());
            let until = Instant::now() + Duration::from_secs(20);
            while store.health().is_ok() && Instant::now() < until {
                std::thread::yield_now();
            }
            // Also for what must not come.
            (0..2).for_each(|_| open.send(()).unwrap());
        });
        assert_eq!(*outlet.closed.lock().unwrap(), 0);
    }
}

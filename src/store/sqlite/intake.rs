//! What waits for the writer: one queue, bounded in number and bytes.
//!
//! Messages beyond the bound are refused at once, unless their site has less than its fair share of it. Acks and the ends of sessions never are: they are gathered into
//! lists, and acks beyond a bound that only a hung disk can reach are forgotten, which delivers their entries
//! again.

use std::mem;
use std::sync::PoisonError;
#[cfg(not(shuttle))]
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

#[cfg(shuttle)]
use shuttle::sync::{Condvar, Mutex, MutexGuard};

use super::super::{Ack, Append, AppendAll, Connect, Read, StoreError};
use super::MaxWaiting;
use super::loads::{Loads, Weight};
use crate::domain::{SessionRef, SiteName};

/// Acks that may wait.
const MAX_ACKS: usize = 1 << 20;
/// Connects that may wait: more than one process has sessions.
const MAX_CONNECTS: usize = 1 << 18;

/// One step for the writer.
pub(super) enum Command {
    Connect(Box<Connect>),
    Append(Append),
    AppendAll(AppendAll),
    Acks(Vec<Ack>),
    Read(Read),
    Disconnect(Vec<SessionRef>),
}

impl Command {
    /// The site of messages.
    pub(super) fn site(&self) -> Option<&SiteName> {
        match self {
            Self::Append(append) => Some(&append.message.site),
            Self::AppendAll(all) => all.messages.first().map(|message| &message.site),
            _ => None,
        }
    }

    /// What it weighs while it waits, where it is messages.
    pub(super) fn weight(&self) -> Weight {
        match self {
            Self::Append(append) => Weight::of(&append.message),
            Self::AppendAll(all) => Weight::of_all(&all.messages),
            _ => Weight::default(),
        }
    }
}

/// How the writer was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// By commands, or by its own timer.
    Run,
    /// For the last time: no command will follow those it got.
    Close,
    /// To drop everything where it stands.
    Abort,
}

/// Whether commands are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Door {
    #[default]
    Open,
    Closed,
    Aborted,
}

#[derive(Default)]
struct Queue {
    commands: Vec<Command>,
    loads: Loads,
    acks: usize,
    connects: usize,
    /// Acks that were forgotten, since the start.
    forgotten: u64,
    /// Some of those that came since the writer was here last; that is logged once.
    forgetting: bool,
    door: Door,
}

impl Queue {
    fn forget(&mut self, acks: usize) {
        if !mem::replace(&mut self.forgetting, true) {
            tracing::warn!(
                "too many acks wait for the store: some are forgotten, and their entries come again"
            );
        }
        self.forgotten += acks as u64;
    }
}

/// The queue in front of the writer.
pub(super) struct Intake {
    queue: Mutex<Queue>,
    filled: Condvar,
    limits: MaxWaiting,
}

impl Intake {
    pub(super) fn new(limits: MaxWaiting) -> Self {
        Self { queue: Mutex::default(), filled: Condvar::new(), limits }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, Queue>, StoreError> {
        let queue = self.queue();
        if queue.door == Door::Open { Ok(queue) } else { Err(StoreError::Closed) }
    }

    /// Whether commands are taken.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.open().map(drop)
    }

    /// The writer sleeps only while nothing waits, so only the first command needs to wake it.
    fn push(&self, mut queue: MutexGuard<'_, Queue>, command: Command) {
        queue.commands.push(command);
        let first = queue.commands.len() == 1;
        drop(queue);
        if first {
            self.filled.notify_one();
        }
    }

    pub(super) fn connect(&self, connect: Connect) -> Result<(), StoreError> {
        let mut queue = self.open()?;
        if queue.connects >= MAX_CONNECTS {
            return Err(StoreError::Overloaded);
        }
        queue.connects += 1;
        self.push(queue, Command::Connect(Box::new(connect)));
        Ok(())
    }

    pub(super) fn append(&self, append: Append) -> Result<(), StoreError> {
        self.take_messages(Command::Append(append))
    }

    /// All or none.
    pub(super) fn append_all(&self, all: AppendAll) -> Result<(), StoreError> {
        self.take_messages(Command::AppendAll(all))
    }

    fn take_messages(&self, command: Command) -> Result<(), StoreError> {
        let (Some(site), weight) = (command.site(), command.weight()) else { return Ok(()) };
        let mut queue = self.open()?;
        if queue.loads.refuses(site, weight, self.limits) {
            return Err(StoreError::Overloaded);
        }
        queue.loads.add(site, weight);
        self.push(queue, command);
        Ok(())
    }

    pub(super) fn acks(&self, acks: Vec<Ack>) {
        let Ok(mut queue) = self.open() else { return };
        if acks.is_empty() {
            return;
        }
        if queue.acks >= MAX_ACKS {
            queue.forget(acks.len());
            return;
        }
        queue.acks += acks.len();
        if let Some(Command::Acks(last)) = queue.commands.last_mut() {
            last.extend(acks);
        } else {
            self.push(queue, Command::Acks(acks));
        }
    }

    /// How many acks were forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.queue().forgotten
    }

    pub(super) fn read(&self, read: Read) {
        if let Ok(queue) = self.open() {
            self.push(queue, Command::Read(read));
        }
    }

    pub(super) fn disconnect(&self, session: SessionRef) {
        let Ok(mut queue) = self.open() else { return };
        if let Some(Command::Disconnect(last)) = queue.commands.last_mut() {
            last.push(session);
        } else {
            self.push(queue, Command::Disconnect(vec![session]));
        }
    }

    /// Takes no more commands; the writer gets what waits, and then ends.
    pub(super) fn close(&self) {
        self.shut(Door::Closed);
    }

    /// Takes no more commands, and forgets what waits.
    pub(super) fn abort(&self) {
        self.shut(Door::Aborted);
    }

    /// Takes no more commands, and hands out what waits although nobody will carry it out; nothing after an abort.
    pub(super) fn bury(&self) -> Vec<Command> {
        self.close();
        let mut queue = self.queue();
        if queue.door == Door::Aborted { Vec::new() } else { mem::take(&mut queue.commands) }
    }

    pub(super) fn aborted(&self) -> bool {
        self.queue().door == Door::Aborted
    }

    fn shut(&self, door: Door) {
        let mut queue = self.queue();
        if queue.door == Door::Open {
            queue.door = door;
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Moves everything that waits into `batch`, which must be empty; sleeps while there is nothing, at most
    /// until `deadline`. What of earlier batches is left still counts as waiting.
    pub(super) fn take(&self, batch: &mut Vec<Command>, left: &Loads, deadline: Option<Instant>) -> Woken {
        let mut queue = self.queue();
        while queue.commands.is_empty() && queue.door == Door::Open {
            queue = match deadline {
                None => self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let Some(left) = at.checked_duration_since(Instant::now()) else { break };
                    self.filled.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        mem::swap(&mut queue.commands, batch);
        queue.loads.copy(left);
        (queue.acks, queue.connects) = (0, 0);
        queue.forgetting = false;
        match queue.door {
            Door::Open => Woken::Run,
            Door::Closed => Woken::Close,
            Door::Aborted => Woken::Abort,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeviceNo, Seq};

    #[test]
    fn acks_that_are_forgotten_are_counted() {
        let intake = Intake::new(MaxWaiting::default());
        let ack = Ack::Resynced(DeviceNo(1), Seq(1));
        intake.acks(vec![ack; MAX_ACKS]);
        assert_eq!(intake.forgotten(), 0);
        intake.acks(vec![ack; 3]);
        assert_eq!(intake.forgotten(), 3);
        let mut batch = Vec::new();
        assert_eq!(intake.take(&mut batch, &Loads::default(), None), Woken::Run);
        assert!(matches!(batch.as_slice(), [Command::Acks(acks)] if acks.len() == MAX_ACKS));
        intake.acks(vec![ack]);
        assert_eq!(intake.forgotten(), 3);
    }
}

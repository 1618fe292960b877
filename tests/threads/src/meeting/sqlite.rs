//! Workers hand commands to the writer of the embedded store.

use std::sync::Arc;

use shuttle::thread;

#[path = "../../../../src/store/sqlite/intake.rs"]
mod intake;
#[path = "../../../../src/store/sqlite/loads.rs"]
mod loads;
use intake::{Command, Intake, Woken};

use super::{Ack, Append, StoreError, message};
use crate::domain::{DeviceNo, ReplyTo, Seq, SessionRef, WorkerId};

/// As the store's own of that name.
#[derive(Debug, Clone, Copy, Default)]
pub struct MaxWaiting {
    pub messages: usize,
    pub bytes: usize,
}

const PLENTY: MaxWaiting = MaxWaiting { messages: 100, bytes: 1 << 20 };

fn append(intake: &Intake, token: u32) -> Result<(), StoreError> {
    let reply = ReplyTo { worker: WorkerId(0), token };
    intake.append(Append { reply, message: message("[1]") })
}

fn session(slot: u32) -> SessionRef {
    SessionRef { worker: WorkerId(0), slot, serial: 0 }
}

/// Commands by a number: messages by their token, acks by their place, ends of sessions by their slot.
fn numbers(commands: Vec<Command>) -> Vec<u64> {
    let number = |command| match command {
        Command::Append(append) => vec![u64::from(append.reply.token)],
        Command::Acks(acks) => acks
            .into_iter()
            .map(|ack| match ack {
                Ack::Entry(_, seq) => seq.0,
                other => panic!("{other:?}"),
            })
            .collect(),
        Command::Disconnect(sessions) => {
            sessions.into_iter().map(|session| u64::from(session.slot)).collect()
        }
        Command::AppendAll(_) | Command::Connect(_) | Command::Read(_) => panic!("nobody asked"),
    };
    commands.into_iter().flat_map(number).collect()
}

/// The writer: takes until it has that many, or is told to end.
fn write(intake: &Intake, wanted: usize) -> (Vec<u64>, Woken) {
    let mut taken = Vec::new();
    loop {
        let mut batch = Vec::new();
        let woken = intake.take(&mut batch, &loads::Loads::default(), None);
        taken.extend(numbers(batch));
        if woken != Woken::Run || taken.len() >= wanted {
            return (taken, woken);
        }
    }
}

fn in_order(taken: &[u64], mine: &[u64]) -> bool {
    taken.iter().filter(|number| mine.contains(number)).eq(mine)
}

/// Two threads hand over two commands each, `end` comes then, and the writer has got them all: how it was woken last.
fn hand_over(wanted: usize, end: impl FnOnce(&Intake)) -> Woken {
    let intake = Arc::new(Intake::new(PLENTY));
    let writer = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || write(&intake, wanted))
    };
    let other = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || {
            intake.acks(vec![Ack::Entry(DeviceNo(1), Seq(11))]);
            intake.disconnect(session(12));
        })
    };
    append(&intake, 1).unwrap();
    append(&intake, 2).unwrap();
    other.join().unwrap();
    end(&intake);
    let (taken, woken) = writer.join().unwrap();
    assert!(taken.len() == 4 && in_order(&taken, &[1, 2]) && in_order(&taken, &[11, 12]), "{taken:?}");
    woken
}

/// The writer sleeps while there is nothing and is woken by whatever comes, with nobody closing the queue; each command
/// reaches it once, in the order of the thread that gave it.
pub fn whatever_comes_wakes_the_writer() {
    assert_eq!(hand_over(4, |_| ()), Woken::Run);
}

/// The end comes behind all that was handed over, and nothing comes behind the end.
pub fn the_end_comes_last() {
    let close = |intake: &Intake| {
        intake.close();
        assert_eq!(append(intake, 3), Err(StoreError::Closed));
    };
    assert_eq!(hand_over(usize::MAX, close), Woken::Close);
}

/// No more messages wait than may, and every one that was taken arrives.
pub fn the_bound_holds() {
    let intake = Arc::new(Intake::new(MaxWaiting { messages: 1, ..PLENTY }));
    let others = [1, 2].map(|token| {
        let intake = Arc::clone(&intake);
        thread::spawn(move || append(&intake, token).is_ok())
    });
    let mut batch = Vec::new();
    let mine = append(&intake, 3).is_ok();
    intake.take(&mut batch, &loads::Loads::default(), Some(std::time::Instant::now()));
    let mut arrived = numbers(batch);
    assert!(arrived.len() == 1, "as many as may wait");
    let accepted = others.map(|other| other.join().unwrap());
    arrived.extend(numbers(intake.bury()));
    assert!(arrived.len() <= 2);
    let accepted = accepted.into_iter().chain([mine]).filter(|accepted| *accepted).count();
    assert_eq!(arrived.len(), accepted, "{arrived:?}");
}

/// A writer that ends by itself buries what waits: whatever was accepted is either taken or buried.
pub fn nothing_is_lost_when_the_writer_ends() {
    let intake = Arc::new(Intake::new(PLENTY));
    let writer = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || {
            let mut batch = Vec::new();
            intake.take(&mut batch, &loads::Loads::default(), None);
            [numbers(batch), numbers(intake.bury())].concat()
        })
    };
    let other = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || append(&intake, 2).is_ok())
    };
    let mine = append(&intake, 1).is_ok();
    let theirs = other.join().unwrap();
    let found = writer.join().unwrap();
    assert_eq!([found.contains(&1), found.contains(&2)], [mine, theirs]);
}

/// An abort wakes the writer, and what comes later is refused.
pub fn an_abort_is_heard() {
    let intake = Arc::new(Intake::new(PLENTY));
    let writer = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || write(&intake, usize::MAX).1)
    };
    append(&intake, 1).unwrap();
    intake.abort();
    assert_eq!(writer.join().unwrap(), Woken::Abort);
    assert!(intake.aborted() && intake.bury().is_empty());
}

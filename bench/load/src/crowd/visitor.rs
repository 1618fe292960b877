//! One client, from its connect to the end of its connection.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::stand::{Entry, Stand};
use super::tally::add;
use crate::clock::micros;
use crate::wire::{Dialog, Heard};

/// A connect that fails is tried again so often.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// How long a connection and its way into the site may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection, while it lasts.
struct Visit {
    stand: Rc<Stand>,
    socket: TcpStream,
    dialog: Dialog,
    began: Instant,
    joined: bool,
    /// What this client still waits for before it is ready.
    owed: Option<u32>,
    /// What came, and is acknowledged as soon as `dialog.out` is written.
    had: u32,
}

/// Comes when its time is, and stays. A connect that fails, or is refused, is counted and tried again.
pub(super) async fn visit(stand: Rc<Stand>, entry: Entry) {
    sleep_until(entry.at).await;
    let mut first = None;
    for _ in 0..ATTEMPTS {
        let Ok(permit) = Arc::clone(&entry.gate).acquire_owned().await else { return };
        // Attempts that fail are part of the time that it takes to come in.
        let began = *first.get_or_insert_with(Instant::now);
        let connected = timeout(PATIENCE, connect(&stand, &entry, began)).await;
        drop(permit);
        match connected {
            Ok(Ok(visit)) => return visit.stay().await,
            Ok(Err(Refusal::Refused)) => add(&stand.tally.refused, 1),
            Ok(Err(Refusal::Failed)) | Err(_) => add(&stand.tally.failures, 1),
        }
        sleep(PAUSE).await;
    }
    add(&stand.tally.given_up, 1);
}

/// Why somebody is not in.
enum Refusal {
    Refused,
    Failed,
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

/// Connects and waits until the site has let the client in.
async fn connect(stand: &Rc<Stand>, entry: &Entry, began: Instant) -> Result<Visit, Refusal> {
    let socket = TcpStream::connect(("127.0.0.1", stand.port)).await?;
    socket.set_nodelay(true)?;
    stand.ports.borrow_mut().push(socket.local_addr()?.port());
    let dialog = Dialog::new(Rc::clone(&stand.guise), entry.number);
    let owed = (entry.owed > 0).then_some(entry.owed);
    let mut visit = Visit { stand: Rc::clone(stand), socket, dialog, began, joined: false, owed, had: 0 };
    while !visit.joined {
        let heard = visit.turn().await?;
        if !visit.joined && heard.refused {
            return Err(Refusal::Refused);
        }
        if !visit.joined && heard.over {
            return Err(Refusal::Failed);
        }
    }
    Ok(visit)
}

impl Visit {
    /// Reads until the server ends it. Somebody who leaves is dropped here instead.
    async fn stay(mut self) {
        while let Ok(heard) = self.turn().await {
            if heard.over {
                break;
            }
        }
        add(&self.stand.tally.closed, 1);
    }

    /// Writes what is to be said, and takes what comes next.
    async fn turn(&mut self) -> io::Result<Heard> {
        self.write().await?;
        self.settle();
        self.socket.readable().await?;
        if self.stand.deaf.get() {
            std::future::pending::<()>().await;
        }
        let heard = self.read()?;
        self.count(&heard);
        Ok(heard)
    }

    async fn write(&mut self) -> io::Result<()> {
        while !self.dialog.out.is_empty() {
            match self.socket.try_write(&self.dialog.out) {
                Ok(written) => drop(self.dialog.out.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.socket.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// One `recv`. When it did not fill the buffer there is no more, and tokio is told so: that spares a second
    /// `recv` for each message, only to learn that it would block.
    fn read(&mut self) -> io::Result<Heard> {
        let stand = Rc::clone(&self.stand);
        let buffer = &mut *stand.buffer.borrow_mut();
        let mut count = None;
        let socket = &self.socket;
        let tried = socket.try_io(Interest::READABLE, || {
            let (_, read) = rustix::net::recv(socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
            count = Some(read);
            if read < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (count, tried) {
            (Some(0), _) => Ok(Heard { over: true, ..Heard::default() }),
            (Some(read), _) => Ok(self.feed(buffer.get(..read).unwrap_or_default())),
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            (None, _) => Ok(Heard::default()),
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Heard {
        let now = micros();
        let mut times = self.stand.times.borrow_mut();
        self.dialog.feed(bytes, &mut |sent| times.delivery.add(now.saturating_sub(sent)))
    }

    fn count(&mut self, heard: &Heard) {
        let tally = &self.stand.tally;
        add(&tally.delivered, heard.delivered);
        add(&tally.acked, heard.acked);
        add(&tally.batches, heard.batches);
        self.had += heard.delivered;
        if heard.joined && !self.joined {
            self.joined = true;
            self.stand.times.borrow_mut().connect.add(self.age());
            add(&tally.joined, 1);
        }
    }

    /// Called when everything is written, acknowledgements too.
    fn settle(&mut self) {
        if self.joined && self.owed.is_some_and(|owed| self.had >= owed) {
            self.owed = None;
            self.stand.times.borrow_mut().ready.add(self.age());
            add(&self.stand.tally.ready, 1);
        }
    }

    fn age(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }
}

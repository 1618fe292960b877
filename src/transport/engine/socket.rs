//! A WebSocket as carrier: the hub writes to it directly, a small task per connection only reads.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::Interest;

use super::connection::{Connection, Fault};
use super::stream::Stream;
use super::websocket::{self, Decoder, Incoming};
use crate::hub::{CloseReason, Flushed, Hub, LinkId, Outbox, Wire};

/// Bytes handed to the kernel at once where several frames wait.
const WRITE_CHUNK: usize = 256 * 1024;
/// Reads in a row before other connections get their turn.
const READS_IN_A_ROW: usize = 8;
/// How long a client may take to close its side after we closed ours.
const LINGER: Duration = Duration::from_secs(2);
/// How much it may still say meanwhile: what was under way, but no flood.
const LINGER_BYTES: usize = 1 << 20;

/// The WebSocket of a connection.
pub(super) struct Socket {
    stream: Rc<Stream>,
}

impl Socket {
    pub(super) fn new(stream: Rc<Stream>) -> Self {
        Self { stream }
    }

    pub(super) fn is(&self, stream: &Rc<Stream>) -> bool {
        Rc::ptr_eq(&self.stream, stream)
    }

    /// Writes straight to the socket, past tokio: no task is woken for a delivery.
    pub(super) fn flush(&self, outbox: &mut Outbox, scratch: &mut Vec<u8>) -> Flushed {
        while !outbox.is_empty() {
            let bytes = outbox.next_bytes(scratch, WRITE_CHUNK);
            match rustix::net::send(self.stream.as_fd(), bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => outbox.advance(count),
                Err(rustix::io::Errno::AGAIN) => return Flushed::Blocked,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Flushed::Gone,
            }
        }
        Flushed::All
    }

    /// Tells the hub when the socket takes more.
    pub(super) fn await_room(&self, hub: Rc<Hub>, link: LinkId) {
        let stream = Rc::clone(&self.stream);
        tokio::task::spawn_local(async move {
            // The hub writes past tokio, which therefore still believes that the socket takes more: ask the kernel,
            // and let tokio forget what it believed where the kernel says no.
            while stream.writable().await.is_ok() {
                match stream.try_io(Interest::WRITABLE, || has_room(&stream)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    _ => break,
                }
            }
            hub.unblock(link);
        });
    }

    /// Says good-bye and closes our side.
    pub(super) fn close(&self, reason: CloseReason) {
        let code = match reason {
            CloseReason::Gone => None,
            CloseReason::ByPeer => Some(1000),
            CloseReason::Draining | CloseReason::Forgotten => Some(1001),
            CloseReason::Protocol => Some(1002),
            CloseReason::TooSlow | CloseReason::HeartbeatMissed | CloseReason::NotAuthenticated => Some(1008),
        };
        self.say_goodbye(code, reason.as_str());
        // A peer that neither reads nor closes would keep the socket, what stands in its buffers, and the task that
        // reads from it.
        let stream = Rc::downgrade(&self.stream);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(LINGER).await;
            if let Some(stream) = stream.upgrade() {
                let _ = rustix::net::shutdown(stream.as_fd(), Shutdown::Both);
            }
        });
    }

    fn say_goodbye(&self, code: Option<u16>, reason: &str) {
        if code.is_some() {
            let mut bytes = Vec::new();
            websocket::close(&mut bytes, code, reason);
            // Best effort: a peer that takes nothing any more learns it from the closed socket.
            let _ = rustix::net::send(self.stream.as_fd(), &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        }
        let how = if code.is_some() { Shutdown::Write } else { Shutdown::Both };
        let _ = rustix::net::shutdown(self.stream.as_fd(), how);
    }
}

fn has_room(stream: &Stream) -> io::Result<()> {
    let mut socket = [PollFd::new(stream, PollFlags::OUT)];
    match rustix::event::poll(&mut socket, Some(&Timespec::default()))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

/// What reading came to.
enum Read {
    /// The socket has no more at the moment.
    Later,
    /// It is over.
    End(CloseReason),
}

/// Begins to take what a client sends; `early` came behind the request for the socket.
pub(super) fn begin(connection: Rc<Connection>, stream: Rc<Stream>, early: &Bytes) {
    let mut decoder = Decoder::new(connection.engine.options.max_payload);
    match handle(&connection, &stream, &mut decoder, &mut early.to_vec()) {
        ControlFlow::Continue(()) => drop(tokio::task::spawn_local(read(connection, stream, decoder))),
        ControlFlow::Break(reason) => end(&connection, stream, reason),
    }
}

/// Takes what a client sends until the connection ends. The state of this task is what an idle connection
/// costs: it is kept small.
async fn read(connection: Rc<Connection>, stream: Rc<Stream>, mut decoder: Decoder) {
    let reason = loop {
        if stream.readable().await.is_err() {
            break CloseReason::Gone;
        }
        match stream.try_io(Interest::READABLE, || receive(&connection, &stream, &mut decoder)) {
            Ok(Read::End(reason)) => break reason,
            // A socket that is readable already does not wait: without this a client that sends without end
            // would have the worker for itself.
            Ok(Read::Later) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break CloseReason::Gone,
        }
    };
    end(&connection, stream, reason);
}

fn end(connection: &Rc<Connection>, stream: Rc<Stream>, reason: CloseReason) {
    if connection.is_carried_by(&stream) {
        Rc::clone(connection).close(reason);
    } else {
        connection.abort_upgrade(&stream);
        Socket::new(Rc::clone(&stream)).close(reason);
    }
    tokio::task::spawn_local(linger(stream));
}

/// One turn of reading. A short read empties the socket, so the readiness is given back without a second call.
fn receive(connection: &Rc<Connection>, stream: &Rc<Stream>, decoder: &mut Decoder) -> io::Result<Read> {
    let mut buffer = connection.engine.read_buffer.borrow_mut();
    for _ in 0..READS_IN_A_ROW {
        let (_, count) = rustix::net::recv(stream.as_fd(), &mut buffer[..], RecvFlags::DONTWAIT)?;
        if count == 0 {
            return Ok(Read::End(CloseReason::Gone));
        }
        let Some(bytes) = buffer.get_mut(..count) else { break };
        if let ControlFlow::Break(reason) = handle(connection, stream, decoder, bytes) {
            return Ok(Read::End(reason));
        }
        if count < buffer.len() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
    }
    Ok(Read::Later)
}

fn handle(
    connection: &Rc<Connection>,
    stream: &Rc<Stream>,
    decoder: &mut Decoder,
    bytes: &mut [u8],
) -> ControlFlow<CloseReason> {
    let mut end = None;
    let read = decoder.read(bytes, &mut |incoming| {
        end = message(connection, stream, incoming).err();
        if end.is_some() || !connection.is_open() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    if let Err(violation) = read {
        tracing::debug!(session = ?connection.sid(), reason = violation.text, "bad WebSocket frame");
        end = Some(CloseReason::Protocol);
        Socket::new(Rc::clone(stream)).say_goodbye(Some(violation.code), violation.text);
    }
    match end {
        Some(reason) => ControlFlow::Break(reason),
        None if connection.is_open() => ControlFlow::Continue(()),
        None => ControlFlow::Break(CloseReason::Gone),
    }
}

fn message(
    connection: &Rc<Connection>,
    stream: &Rc<Stream>,
    incoming: Incoming<'_>,
) -> Result<(), CloseReason> {
    let outcome = match incoming {
        Incoming::Text(text) if connection.is_carried_by(stream) => connection.text_packet(text),
        Incoming::Text(text) => connection.probe_packet(stream, text),
        Incoming::Binary(bytes) if connection.is_carried_by(stream) => connection.binary_packet(bytes),
        Incoming::Binary(_) => Err(Fault("binary message before the upgrade")),
        Incoming::Ping(payload) => {
            let mut pong = Vec::new();
            websocket::pong(&mut pong, payload);
            connection.send(Rc::new(crate::hub::Frame::control(pong)));
            Ok(())
        }
        Incoming::Pong(_) => Ok(()),
        Incoming::Close { .. } => return Err(CloseReason::ByPeer),
    };
    outcome.map_err(|fault| {
        tracing::debug!(session = ?connection.sid(), reason = fault.0, "client broke the protocol");
        CloseReason::Protocol
    })
}

/// Lets the client read our last words: closing a socket with unread input would cut them off.
async fn linger(stream: Rc<Stream>) {
    let drained = async {
        let (mut sink, mut taken) = ([0; 1024], 0);
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut sink) {
                Ok(0) => return,
                // Neither the time limit nor anybody else gets a turn as long as there is something to read.
                Ok(count) if taken < LINGER_BYTES => {
                    taken += count;
                    tokio::task::yield_now().await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return,
            }
        }
    };
    // A client that keeps talking is cut off.
    let _ = tokio::time::timeout(LINGER, drained).await;
}

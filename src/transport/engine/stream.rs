//! The byte streams that a WebSocket can run on: TCP, or a Unix socket.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A stream on the worker that carries it. Only what the engine needs of it: it writes and reads past tokio, and asks tokio
/// when that is worth while.
#[derive(Debug)]
pub enum Stream {
    /// From a TCP port.
    Tcp(TcpStream),
    /// From a Unix socket.
    Unix(UnixStream),
}

/// A stream on its way to another worker: it belongs to no thread.
#[derive(Debug)]
pub enum Loose {
    /// From a TCP port.
    Tcp(std::net::TcpStream),
    /// From a Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    /// Waits until there is something to read. One task at a time may wait for that: a second one would take its place. In
    /// return an idle connection keeps no more than a waker, where tokio's own `readable` makes it a node of a list.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => poll_fn(|context| stream.poll_read_ready(context)).await,
            Self::Unix(stream) => poll_fn(|context| stream.poll_read_ready(context)).await,
        }
    }

    /// Waits until the stream takes more, as far as tokio knows.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Does something past tokio, and lets it forget that the stream was ready where that would block.
    pub(super) fn try_io<R>(&self, interest: Interest, io: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Self::Tcp(stream) => stream.try_io(interest, io),
            Self::Unix(stream) => stream.try_io(interest, io),
        }
    }

    /// Reads what is there.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
        }
    }

    /// Takes the stream off this thread.
    pub(super) fn loosen(self) -> io::Result<Loose> {
        Ok(match self {
            Self::Tcp(stream) => Loose::Tcp(stream.into_std()?),
            Self::Unix(stream) => Loose::Unix(stream.into_std()?),
        })
    }
}

impl Loose {
    /// Brings the stream to the thread that calls.
    pub(super) fn fasten(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

//! Where connections arrive.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::socket_file::{self, SocketFile};

/// A place where connections arrive, taken and not listened to yet.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket. Its file goes with it.
    Unix(SocketFile, UnixListener),
}

impl Listener {
    /// Takes a TCP port.
    ///
    /// # Errors
    /// When it cannot be had; most often another process has it.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).map(Self::Tcp)
    }

    /// Makes a Unix socket. A file that a process left there when it died is taken away.
    ///
    /// # Errors
    /// When another process answers there, when the file is something else, or when it cannot be made.
    pub fn unix(path: &Path) -> io::Result<Self> {
        socket_file::bind(path).map(|(file, listener)| Self::Unix(file, listener))
    }

    /// Its address, where it is a TCP port.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }
}

impl fmt::Display for Listener {
    /// The address, or the path of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.fmt(f),
                Err(error) => error.fmt(f),
            },
            Self::Unix(file, _) => file.path().display().fmt(f),
        }
    }
}

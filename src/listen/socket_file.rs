//! The file of a Unix socket: made, opened to everybody, and taken away again.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

/// The proxy in front runs as a user of its own, and to connect it must be allowed to write. Who may come at all is for the
/// folder to say; on a TCP port it would be everybody on the machine, too.
const MODE: u32 = 0o666;

/// The file of a socket that is listened to; taken away when dropped.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode. Nobody else has these as long as the socket is open.
    identity: (u64, u64),
}

impl SocketFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a socket and listens to it.
pub(super) fn bind(path: &Path) -> io::Result<(SocketFile, UnixListener)> {
    clear(path)?;
    let listener = UnixListener::bind(path)?;
    let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok((file, listener))
}

/// Takes away what a process left that died. Nothing else: not the socket of one that lives, and no other file.
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let text = format!("{} is there already, and is no socket", path.display());
        return Err(io::Error::new(ErrorKind::AlreadyExists, text));
    }
    match knock(path) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        Err(Errno::NOENT) => Ok(()),
        // It is not asked for its turn: that its queue is full is an answer, too.
        Ok(()) | Err(Errno::AGAIN | Errno::INPROGRESS) => {
            let text = format!("another process answers on {}", path.display());
            Err(io::Error::new(ErrorKind::AddrInUse, text))
        }
        Err(error) => Err(error.into()),
    }
}

/// Connects without waiting: a process that hangs must not hold up the start of this one.
fn knock(path: &Path) -> rustix::io::Result<()> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // One that cannot be taken away is what the next start finds, and clears.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    fn refused(path: &Path) -> String {
        bind(path).unwrap_err().to_string()
    }

    #[test]
    fn a_socket_is_open_to_everybody_and_goes_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (file, _listener) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o666);
        UnixStream::connect(&path).unwrap();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_process_left_that_died_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (_file, _listener) = bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn the_socket_of_a_process_that_lives_stays_also_where_its_queue_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (_file, _listener) = bind(&path).unwrap();
        let said = format!("another process answers on {}", path.display());
        assert_eq!(refused(&path), said);
        // As short a queue as there is, and nobody takes anything out of it.
        let busy = folder.path().join("busy");
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&socket, &SocketAddrUnix::new(&busy).unwrap()).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let _waiting = UnixStream::connect(&busy).unwrap();
        assert_eq!(knock(&busy), Err(Errno::AGAIN));
        assert_eq!(refused(&busy), format!("another process answers on {}", busy.display()));
        assert!(path.exists() && busy.exists());
    }

    #[test]
    fn what_is_no_socket_or_one_of_another_kind_is_never_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, kind] = ["file", "link", "kind"].map(|name| folder.path().join(name));
        fs::write(&file, "precious").unwrap();
        drop(UnixListener::bind(folder.path().join("s")).unwrap());
        std::os::unix::fs::symlink(folder.path().join("s"), &link).unwrap();
        let _datagrams = UnixDatagram::bind(&kind).unwrap();
        for path in [&file, &link] {
            assert_eq!(refused(path), format!("{} is there already, and is no socket", path.display()));
        }
        refused(&kind);
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && kind.exists());
    }

    #[test]
    fn the_socket_that_somebody_made_in_its_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (file, _listener) = bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let (_theirs, _other) = bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}

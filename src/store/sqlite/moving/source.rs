//! Moves out of a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::health::Clock;
use super::super::schema;
use super::super::state::StoredDevice;
use super::read::{self, Floors, Piece};
use super::{at, refused};
use crate::domain::{DeviceNo, Seq};
use crate::store::moving::{Census, MoveError, MovedDevice, MovedMessage, Source};

/// The embedded store of a data directory, to be moved from.
pub struct SqliteSource {
    path: PathBuf,
    /// Goes before the lock.
    db: Connection,
    _lock: File,
    /// Unix milliseconds at the beginning.
    now: u64,
    floors: Floors,
    last_device: DeviceNo,
    last_message: Seq,
}

impl SqliteSource {
    /// Takes the directory's lock and opens its database for reading.
    ///
    /// # Errors
    /// [`MoveError::Refused`]: there is none, a gateway runs on it, or it is not of this version.
    pub fn open(dir: &Path) -> Result<Self, MoveError> {
        let path = dir.join(schema::FILE);
        if !path.is_file() {
            return Err(MoveError::Refused(format!("there is no database {}", path.display())));
        }
        let lock = schema::lock(dir).map_err(refused)?;
        let db = schema::read_as_it_is(&path).map_err(refused)?;
        let now = Clock::start().unix_ms(Instant::now());
        let (last_device, last_message) = (DeviceNo(0), Seq(0));
        Ok(Self { path, db, _lock: lock, now, floors: Floors::default(), last_device, last_message })
    }

    fn moved(&self, stored: StoredDevice) -> MovedDevice {
        let StoredDevice { no, key, mut rooms, expires, owes_resync, .. } = stored;
        rooms.sort_unstable();
        rooms.dedup();
        let left = expires.map(|at| Duration::from_millis(at.saturating_sub(self.now)));
        MovedDevice { no, key, rooms, owes_resync: owes_resync.is_some(), left }
    }
}

impl Source for SqliteSource {
    fn census(&mut self) -> Result<Census, MoveError> {
        let (census, floors) = read::census(&self.db).map_err(at(&self.path))?;
        self.floors = floors;
        Ok(census)
    }

    fn devices(&mut self) -> Result<Vec<MovedDevice>, MoveError> {
        let devices = read::devices(&self.db, self.last_device).map_err(at(&self.path))?;
        self.last_device = devices.last().map_or(self.last_device, |device| device.no);
        Ok(devices.into_iter().map(|device| self.moved(device)).collect())
    }

    fn messages(&mut self) -> Result<Vec<MovedMessage>, MoveError> {
        // A piece may hold nothing but messages that nobody waits for any more: that is not the end.
        loop {
            let piece = read::messages(&self.db, &self.floors, self.last_message);
            let Piece { last, found } = piece.map_err(at(&self.path))?;
            let Some(last) = last else { return Ok(Vec::new()) };
            self.last_message = last;
            if !found.is_empty() {
                let moved = found.into_iter().map(|(message, event)| MovedMessage {
                    event,
                    resync: message.resync,
                    devices: message.due,
                });
                return Ok(moved.collect());
            }
        }
    }

    /// The lock sees to it.
    fn unchanged(&mut self) -> Result<(), MoveError> {
        Ok(())
    }
}

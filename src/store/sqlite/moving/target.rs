//! Moves into a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ahash::AHashMap;
use rusqlite::{Connection, Transaction};

use super::super::health::Clock;
use super::super::load::number;
use super::super::{SqliteOptions, recipients, schema};
use super::{at, read, refused};
use crate::domain::{DeviceNo, DeviceTtl, Durability, Room, SiteName};
use crate::store::moving::{Census, MoveError, MovedDevice, MovedMessage, Target};

/// What the file is called until everything is there.
const UNFINISHED: &str = "postroom.db.moving";

/// What `SQLite` puts beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The embedded store of a data directory, to be moved to.
pub struct SqliteTarget {
    dir: PathBuf,
    /// The unfinished file.
    path: PathBuf,
    /// Goes before the lock. None once it has been closed.
    db: Option<Connection>,
    _lock: File,
    /// Unix milliseconds at the beginning.
    now: u64,
    /// What a device of the source is called here, and its site.
    devices: AHashMap<DeviceNo, (DeviceNo, SiteName)>,
    last_device: u64,
    /// Devices that owe a `_resync` were cleared up to here; the numbers of the messages begin behind it.
    cleared: i64,
    last_seq: i64,
    bodies: u64,
}

impl SqliteTarget {
    /// Takes the directory's lock and begins a file in it; makes the directory where it is missing.
    ///
    /// # Errors
    /// [`MoveError::Refused`]: the store there is not empty, a gateway runs on it, or an earlier move did not end.
    pub fn open(dir: &Path) -> Result<Self, MoveError> {
        let lock = schema::lock(dir).map_err(refused)?;
        let path = dir.join(UNFINISHED);
        if path.exists() {
            return Err(MoveError::Refused(format!(
                "an earlier move to {} did not come to its end: {}",
                dir.display(),
                cleaning(dir)
            )));
        }
        let (last_seq, last_device) = empty(dir)?;
        // Until it is renamed the file is worth nothing, so no write has to wait for the disk before the last one.
        let options = SqliteOptions::new(dir, Durability::Normal, DeviceTtl::Never);
        let db = Some(schema::write(&path, &options).map_err(refused)?);
        let now = Clock::start().unix_ms(Instant::now());
        let (devices, cleared) = (AHashMap::new(), last_seq.max(1));
        let dir = dir.to_owned();
        Ok(Self {
            dir,
            path,
            db,
            _lock: lock,
            now,
            devices,
            last_device,
            cleared,
            last_seq: cleared,
            bodies: 0,
        })
    }

    /// Makes one piece durable, or nothing of it.
    fn write(
        &mut self,
        piece: impl FnOnce(&mut Self, &Transaction<'_>) -> Result<(), MoveError>,
    ) -> Result<(), MoveError> {
        let path = self.path.clone();
        let mut db = self.db.take().ok_or_else(|| MoveError::at(path.display(), "closed"))?;
        let transaction = db.transaction().map_err(at(&path))?;
        piece(self, &transaction)?;
        transaction.commit().map_err(at(&path))?;
        self.db = Some(db);
        Ok(())
    }

    fn put_devices(&mut self, db: &Transaction<'_>, devices: Vec<MovedDevice>) -> Result<(), MoveError> {
        let path = self.path.clone();
        let sql = "INSERT INTO device VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut put = db.prepare(sql).map_err(at(&path))?;
        for device in devices {
            let MovedDevice { no, key, rooms, owes_resync, left } = device;
            self.last_device += 1;
            let new = self.last_device;
            let rooms: Vec<&str> = rooms.iter().map(Room::as_str).collect();
            let rooms = serde_json::Value::from(rooms).to_string();
            let expires = left.map(|left| {
                let at = u128::from(self.now) + left.as_millis();
                i64::try_from(at).unwrap_or(i64::MAX)
            });
            let owed = if owes_resync { self.cleared } else { 0 };
            let (site, primary, id) = (key.site.as_str(), &key.primary, &key.device_id);
            put.execute((new.cast_signed(), site, primary, id, rooms, expires, owed, owed))
                .map_err(at(&path))?;
            self.devices.insert(no, (DeviceNo(new), key.site));
        }
        Ok(())
    }

    fn put_messages(&mut self, db: &Transaction<'_>, messages: Vec<MovedMessage>) -> Result<(), MoveError> {
        let path = self.path.clone();
        // The id of a message serves the answer to its sender, who has it long since.
        let sql = "INSERT INTO message VALUES (?1, 0, ?2, ?3, ?4, ?5)";
        let mut put = db.prepare(sql).map_err(at(&path))?;
        let (mut list, mut due) = (Vec::new(), Vec::new());
        for MovedMessage { event, resync, devices } in messages {
            self.last_seq += 1;
            due.clear();
            let mut of = None;
            for no in &devices {
                let unknown = || MoveError::at(path.display(), format!("there is no device {}", no.0));
                let (new, site) = self.devices.get(no).ok_or_else(unknown)?;
                due.push(*new);
                of.get_or_insert(site);
            }
            let Some(site) = of else { continue };
            due.sort_unstable();
            list.clear();
            recipients::encode(due.iter().copied(), &mut list);
            let row = (self.last_seq, site.as_str(), resync, &list, event.json());
            put.execute(row).map_err(at(&path))?;
            self.bodies += 1;
        }
        Ok(())
    }

    /// Closes the file, which moves its write-ahead log into it, and gives it its name.
    fn rename(&mut self) -> Result<(), std::io::Error> {
        let other = std::io::Error::other::<rusqlite::Error>;
        if let Some(db) = self.db.take() {
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(other)?;
            db.close().map_err(|(_, error)| other(error))?;
        }
        File::open(&self.path)?.sync_all()?;
        // Left behind by an empty store that did not stop in order, they would be taken for those of the new file.
        for beside in BESIDE {
            let old = self.dir.join(format!("{}{beside}", schema::FILE));
            if old.exists() {
                fs::remove_file(old)?;
            }
        }
        fs::rename(&self.path, self.dir.join(schema::FILE))?;
        File::open(&self.dir)?.sync_all()
    }
}

/// Refuses a directory that has a store with something in it. The last numbers that were given out there, for seqs and devices.
fn empty(dir: &Path) -> Result<(i64, u64), MoveError> {
    let path = dir.join(schema::FILE);
    if !path.exists() {
        return Ok((0, 0));
    }
    let db = schema::read_as_it_is(&path).map_err(refused)?;
    let sql = "SELECT (SELECT count(*) FROM device), (SELECT count(*) FROM message), seq_ceiling, device_ceiling \
               FROM numbering";
    let row =
        |row: &rusqlite::Row<'_>| Ok([number(row, 0)?, number(row, 1)?, number(row, 2)?, number(row, 3)?]);
    let [devices, messages, seq, device] = db.query_row(sql, [], row).map_err(at(&path))?;
    if devices > 0 || messages > 0 {
        return Err(MoveError::Refused(format!(
            "{} is not empty: it holds {devices} devices and {messages} messages; move it away, or choose another folder",
            path.display()
        )));
    }
    Ok((seq.cast_signed(), device))
}

fn cleaning(dir: &Path) -> String {
    format!("delete {}* and start again", dir.join(UNFINISHED).display())
}

impl Target for SqliteTarget {
    fn devices(&mut self, devices: Vec<MovedDevice>) -> Result<(), MoveError> {
        self.write(|target, db| target.put_devices(db, devices))
    }

    fn messages(&mut self, messages: Vec<MovedMessage>) -> Result<(), MoveError> {
        self.write(|target, db| target.put_messages(db, messages))
    }

    fn settle(&mut self) -> Result<u64, MoveError> {
        self.write(|target, db| {
            let numbers = (target.last_seq, target.last_device.cast_signed());
            let sql = "UPDATE numbering SET seq_ceiling = ?1, device_ceiling = ?2";
            db.execute(sql, numbers).map(drop).map_err(at(&target.path))
        })?;
        Ok(self.bodies)
    }

    fn census(&mut self) -> Result<Census, MoveError> {
        let mut found = Census::default();
        self.write(|target, db| {
            found = read::census(db).map_err(at(&target.path))?.0;
            Ok(())
        })?;
        Ok(found)
    }

    fn finish(&mut self) -> Result<(), MoveError> {
        self.rename().map_err(|error| MoveError::at(self.path.display(), error))
    }

    fn cleaning(&self) -> String {
        cleaning(&self.dir)
    }
}

//! Writes what memory has and the file has not, in one transaction.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Statement};

use super::recipients;
use super::state::{Device, OpenMessage, State, Touch};
use crate::domain::{DeviceNo, Message, Seq};

/// The writer's connection, with its statements prepared.
pub(super) struct Ledger<'c> {
    db: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    put_device: Statement<'c>,
    put_status: Statement<'c>,
    drop_device: Statement<'c>,
    put_message: Statement<'c>,
    drop_message: Statement<'c>,
    put_remainder: Statement<'c>,
    drop_remainder: Statement<'c>,
    put_numbers: Statement<'c>,
    event: Statement<'c>,
    /// Scratch for lists.
    list: Vec<u8>,
}

/// What to write besides what must be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    /// Lists that have become shorter.
    pub(super) lists: bool,
    /// The numbers, also where they stand already: so that there is something to write.
    pub(super) reserve: bool,
    /// The numbers as they are, with no reserve: nothing follows.
    pub(super) exact: bool,
    /// Added to times, which are read back by another clock: see `Clock::skew_ms`.
    pub(super) skew_ms: i64,
}

const PUT_DEVICE: &str = "INSERT INTO device VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (no) DO UPDATE \
                          SET rooms = ?5, expires_at = ?6, owes_resync = ?7, settled_through = ?8";
const PUT_STATUS: &str =
    "UPDATE device SET expires_at = ?2, owes_resync = ?3, settled_through = ?4 WHERE no = ?1";

impl<'c> Ledger<'c> {
    pub(super) fn new(db: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            db,
            begin: db.prepare("BEGIN IMMEDIATE")?,
            commit: db.prepare("COMMIT")?,
            rollback: db.prepare("ROLLBACK")?,
            put_device: db.prepare(PUT_DEVICE)?,
            put_status: db.prepare(PUT_STATUS)?,
            drop_device: db.prepare("DELETE FROM device WHERE no = ?1")?,
            put_message: db.prepare("INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            drop_message: db.prepare("DELETE FROM message WHERE seq = ?1")?,
            put_remainder: db.prepare("INSERT OR REPLACE INTO remainder VALUES (?1, ?2)")?,
            drop_remainder: db.prepare("DELETE FROM remainder WHERE seq = ?1")?,
            put_numbers: db.prepare("UPDATE numbering SET seq_ceiling = ?1, device_ceiling = ?2")?,
            event: db.prepare(EVENT)?,
            list: Vec::new(),
        })
    }

    /// Writes the difference. Durable when it returns `Ok`, not there at all otherwise.
    pub(super) fn write(&mut self, state: &State, extent: Extent) -> rusqlite::Result<()> {
        if !self.db.is_autocommit() {
            // The last one could not even be rolled back; until that works there is no way on.
            self.rollback.execute([])?;
        }
        self.begin.execute([])?;
        let written = self.difference(state, extent).and_then(|()| self.commit.execute([]).map(drop));
        // Some errors have ended the transaction already.
        if written.is_err() && !self.db.is_autocommit() {
            self.rollback.execute([])?;
        }
        written
    }

    fn difference(&mut self, state: &State, extent: Extent) -> rusqlite::Result<()> {
        let changes = &state.changes;
        for no in &changes.gone {
            self.drop_device.execute([no.0.cast_signed()])?;
        }
        for no in &changes.touched {
            if let Some(device) = state.devices.get(no) {
                self.device(*no, device, extent.skew_ms)?;
            }
        }
        // Before anything comes in: on a full disk the pages of what goes out are all there is.
        self.settled(state)?;
        for (seq, message) in &changes.created {
            if let Some(open) = state.open.get(seq).filter(|open| !open.is_settled()) {
                self.message(*seq, message, open)?;
            }
        }
        if extent.lists {
            self.lists(state)?;
        }
        self.numbers(state, extent)
    }

    fn device(&mut self, no: DeviceNo, device: &Device, skew_ms: i64) -> rusqlite::Result<()> {
        let (no, floor) = (no.0.cast_signed(), device.floor.0.cast_signed());
        let owed = device.owes_resync.map_or(0, |seq| seq.0.cast_signed());
        let expires = device.expires.map(|at| i64::try_from(at).unwrap_or(i64::MAX).saturating_add(skew_ms));
        if device.touch == Touch::Status {
            return self.put_status.execute((no, expires, owed, floor)).map(drop);
        }
        let rooms: Vec<&str> = device.rooms.iter().map(crate::domain::Room::as_str).collect();
        let rooms = serde_json::Value::from(rooms).to_string();
        let key = &device.key;
        let row = (no, key.site.as_str(), &key.primary, &key.device_id, rooms, expires, owed, floor);
        self.put_device.execute(row).map(drop)
    }

    fn message(&mut self, seq: Seq, message: &Message, open: &OpenMessage) -> rusqlite::Result<()> {
        self.list.clear();
        recipients::encode(open.due(), &mut self.list);
        let (seq, id, site) = (seq.0.cast_signed(), message.id.0.cast_signed(), message.site.as_str());
        let row = (seq, id, site, message.resync, &self.list, message.event.json());
        self.put_message.execute(row).map(drop)
    }

    fn settled(&mut self, state: &State) -> rusqlite::Result<()> {
        for seq in &state.changes.settled {
            let open = state.open.get(seq);
            if open.is_some_and(|open| !open.is_settled()) {
                continue;
            }
            self.drop_message.execute([seq.0.cast_signed()])?;
            if open.is_some_and(|open| open.noted) {
                self.drop_remainder.execute([seq.0.cast_signed()])?;
            }
        }
        Ok(())
    }

    fn lists(&mut self, state: &State) -> rusqlite::Result<()> {
        for seq in &state.changes.stale {
            let Some(open) = state.open.get(seq).filter(|open| !open.is_settled()) else { continue };
            self.list.clear();
            recipients::encode(open.due(), &mut self.list);
            self.put_remainder.execute((seq.0.cast_signed(), &self.list))?;
        }
        Ok(())
    }

    fn numbers(&mut self, state: &State, extent: Extent) -> rusqlite::Result<()> {
        let (seqs, numbers) = (&state.seqs, &state.numbers);
        let wanted = if extent.exact { (seqs.last, numbers.last) } else { (seqs.wanted(), numbers.wanted()) };
        if extent.exact || extent.reserve || wanted != (seqs.ceiling, numbers.ceiling) {
            self.put_numbers.execute((wanted.0.cast_signed(), wanted.1.cast_signed()))?;
        }
        Ok(())
    }

    /// Moves the write-ahead log into the file.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<()> {
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// The body of a message; `None` when nobody waits for it any more.
    pub(super) fn event(&mut self, seq: Seq) -> rusqlite::Result<Option<Bytes>> {
        event(&mut self.event, seq)
    }
}

/// Reads one body by its seq.
pub(super) const EVENT: &str = "SELECT event FROM message WHERE seq = ?1";

/// Runs [`EVENT`].
pub(super) fn event(statement: &mut Statement<'_>, seq: Seq) -> rusqlite::Result<Option<Bytes>> {
    let body = |row: &rusqlite::Row<'_>| Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?));
    statement.query_row([seq.0.cast_signed()], body).optional()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::{SqliteOptions, schema};
    use super::*;
    use crate::domain::{DeviceKey, DeviceTtl, Durability, SessionRef, SiteName, WorkerId};

    fn away(dir: &Path, skew_ms: i64) -> i64 {
        let ttl = DeviceTtl::After(Duration::from_secs(10));
        let files = schema::open(&SqliteOptions::new(dir, Durability::Full, ttl)).unwrap();
        let mut state = State::new(ttl);
        let session = SessionRef { worker: WorkerId(0), slot: 0, serial: 0 };
        let site = SiteName::new("s").unwrap();
        let key = DeviceKey { site, primary: "u".into(), device_id: "d".into() };
        state.connect(session, key, Vec::new(), 1_000_000);
        state.disconnect(session, 1_000_000);
        let mut ledger = Ledger::new(&files.writer).unwrap();
        ledger.write(&state, Extent { skew_ms, ..Extent::default() }).unwrap();
        files.reader.query_row("SELECT expires_at FROM device", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_end_of_a_device_is_written_by_the_clock_that_the_next_process_reads() {
        for (skew, expires) in [(0, 1_010_000), (7_200_000, 8_210_000), (-5_000, 1_005_000)] {
            let dir = tempfile::tempdir().unwrap();
            assert_eq!(away(dir.path(), skew), expires);
        }
    }

    #[test]
    fn a_transaction_that_was_left_open_does_not_stop_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let files =
            schema::open(&SqliteOptions::new(dir.path(), Durability::Full, DeviceTtl::Never)).unwrap();
        let mut ledger = Ledger::new(&files.writer).unwrap();
        files.writer.execute_batch("BEGIN; DELETE FROM numbering").unwrap();
        ledger.write(&State::new(DeviceTtl::Never), Extent { reserve: true, ..Extent::default() }).unwrap();
        let rows: u32 =
            files.reader.query_row("SELECT count(*) FROM numbering", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1, "what was left open is taken back");
    }
}

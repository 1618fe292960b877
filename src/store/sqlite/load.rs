//! Reads the registry back from the file.

use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row};

use super::recipients;
use super::state::{State, StoredDevice, StoredMessage};
use crate::domain::{DeviceKey, DeviceNo, Room, Seq, SiteName};

const DEVICES: &str = "SELECT no, site, primary_room, device_id, rooms, expires_at, owes_resync, settled_through \
                       FROM device ORDER BY no";

/// `length` needs no more than the head of a row, so bodies are not read.
const MESSAGES: &str = "SELECT message.seq, length(event), resync, coalesce(remainder.due, message.due), \
                        remainder.seq IS NOT NULL \
                        FROM message LEFT JOIN remainder USING (seq) ORDER BY message.seq";

/// Fills `state`, which must be empty.
pub(super) fn load(db: &Connection, state: &mut State, unix_ms: u64) -> rusqlite::Result<()> {
    let mut devices = db.prepare(DEVICES)?;
    let mut rows = devices.query([])?;
    let (mut last_seq, mut last_no) =
        db.query_row("SELECT seq_ceiling, device_ceiling FROM numbering", [], |row| {
            Ok((number(row, 0)?, number(row, 1)?))
        })?;
    while let Some(row) = rows.next()? {
        let stored = device(row)?;
        last_no = last_no.max(stored.no.0);
        state.restore_device(stored, unix_ms);
    }
    let mut messages = db.prepare(MESSAGES)?;
    let mut rows = messages.query([])?;
    while let Some(row) = rows.next()? {
        let stored = message(row)?;
        last_seq = last_seq.max(stored.seq.0);
        state.restore_message(stored);
    }
    state.restored(last_seq, last_no);
    Ok(())
}

/// Reads a row of all columns of `device`, in their order.
pub(super) fn device(row: &Row<'_>) -> rusqlite::Result<StoredDevice> {
    let site: String = row.get(1)?;
    let rooms: String = row.get(4)?;
    let rooms: Vec<String> = serde_json::from_str(&rooms).map_err(|e| damaged(4, e))?;
    Ok(StoredDevice {
        no: DeviceNo(number(row, 0)?),
        key: DeviceKey {
            site: SiteName::new(&site).map_err(|e| damaged(1, e))?,
            primary: row.get(2)?,
            device_id: row.get(3)?,
        },
        rooms: rooms.iter().map(|name| Room::stored(name)).collect(),
        expires: row.get::<_, Option<i64>>(5)?.map(|at| at.max(0) as u64),
        owes_resync: Some(Seq(number(row, 6)?)).filter(|seq| seq.0 > 0),
        floor: Seq(number(row, 7)?),
    })
}

/// Reads a row that begins with the columns of [`MESSAGES`].
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    let due: Vec<u8> = row.get(3)?;
    Ok(StoredMessage {
        seq: Seq(number(row, 0)?),
        bytes: row.get(1)?,
        resync: row.get(2)?,
        due: recipients::decode(&due).ok_or_else(|| damaged(3, std::fmt::Error))?,
        noted: row.get(4)?,
    })
}

/// Numbers are written as `i64`; `SQLite` has no other.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|e| damaged(column, e))
}

fn damaged(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error))
}

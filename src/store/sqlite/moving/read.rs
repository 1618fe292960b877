//! Reads a file in pieces, as it would be loaded.

use ahash::AHashMap;
use bytes::Bytes;
use rusqlite::Connection;

use super::super::load::{self, number};
use super::super::state::{StoredDevice, StoredMessage};
use crate::domain::{DeviceNo, Event, Seq};
use crate::store::moving::{Census, PIECE_BYTES, PIECE_DEVICES, PIECE_MESSAGES};

const DEVICES: &str = "SELECT no, site, primary_room, device_id, rooms, expires_at, owes_resync, settled_through \
                       FROM device WHERE no > ?1 ORDER BY no LIMIT ?2";

const MESSAGES: &str = "SELECT message.seq, length(event), resync, coalesce(remainder.due, message.due), \
                        remainder.seq IS NOT NULL, event \
                        FROM message LEFT JOIN remainder USING (seq) WHERE message.seq > ?1 \
                        ORDER BY message.seq LIMIT ?2";

/// As `MESSAGES`, and `length` needs no more than the head of a row.
const LISTS: &str = "SELECT message.seq, length(event), resync, coalesce(remainder.due, message.due), \
                     remainder.seq IS NOT NULL FROM message LEFT JOIN remainder USING (seq)";

/// Up to where nothing waits for a device any more, whatever the lists of the messages say.
pub(super) type Floors = AHashMap<DeviceNo, Seq>;

/// The floors of all devices, and how many of them owe a `_resync`.
pub(super) fn floors(db: &Connection) -> rusqlite::Result<(Floors, u64)> {
    let mut statement = db.prepare("SELECT no, settled_through, owes_resync FROM device")?;
    let mut rows = statement.query([])?;
    let (mut floors, mut resyncs) = (Floors::default(), 0);
    while let Some(row) = rows.next()? {
        floors.insert(DeviceNo(number(row, 0)?), Seq(number(row, 1)?));
        resyncs += u64::from(number(row, 2)? > 0);
    }
    Ok((floors, resyncs))
}

/// Counts everything.
pub(super) fn census(db: &Connection) -> rusqlite::Result<(Census, Floors)> {
    let (floors, resyncs) = floors(db)?;
    let mut census = Census { devices: floors.len() as u64, resyncs, ..Census::default() };
    let mut statement = db.prepare(LISTS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let message = waiting(load::message(row)?, &floors);
        let entries = message.due.len() as u64;
        census.messages += u64::from(entries > 0);
        census.entries += entries;
        census.bytes += entries * u64::from(message.bytes);
    }
    Ok((census, floors))
}

/// Devices that the message still waits for: not those that are gone or past it.
fn waiting(mut message: StoredMessage, floors: &Floors) -> StoredMessage {
    message.due.retain(|no| floors.get(no).is_some_and(|floor| *floor < message.seq));
    message
}

/// The next devices after `no`.
pub(super) fn devices(db: &Connection, no: DeviceNo) -> rusqlite::Result<Vec<StoredDevice>> {
    let mut statement = db.prepare(DEVICES)?;
    let rows = statement.query_map((no.0.cast_signed(), PIECE_DEVICES.cast_signed()), load::device)?;
    rows.collect()
}

/// A piece of the messages.
#[derive(Default)]
pub(super) struct Piece {
    /// The last one looked at; `None` when there was none.
    pub(super) last: Option<Seq>,
    /// Those that somebody waits for.
    pub(super) found: Vec<(StoredMessage, Event)>,
}

/// The next messages after `seq`.
pub(super) fn messages(db: &Connection, floors: &Floors, seq: Seq) -> rusqlite::Result<Piece> {
    let mut statement = db.prepare(MESSAGES)?;
    let mut rows = statement.query((seq.0.cast_signed(), PIECE_MESSAGES.cast_signed()))?;
    let (mut piece, mut bytes) = (Piece::default(), 0);
    while let Some(row) = rows.next()? {
        let message = waiting(load::message(row)?, floors);
        piece.last = Some(message.seq);
        if message.due.is_empty() {
            continue;
        }
        let event = Bytes::copy_from_slice(row.get_ref(5)?.as_blob()?);
        bytes += event.len();
        piece.found.push((message, Event::stored(event)));
        if bytes >= PIECE_BYTES {
            break;
        }
    }
    Ok(piece)
}

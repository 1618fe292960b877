//! The database file: its lock, its settings, its migrations.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::{SqliteOptions, StoreError};
use crate::domain::Durability;

/// Marks the file as ours (`PRAGMA application_id`): "post" in ASCII.
const APPLICATION_ID: i32 = 0x706f_7374;

/// The database, in the data directory.
pub(super) const FILE: &str = "postroom.db";

/// One for each step of `user_version`, oldest first. Never changed once released, only added to.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/0001_inboxes.sql")];

/// Only another program, such as the sqlite3 shell, can hold a lock on the file: do not wait for it for long,
/// since every session waits meanwhile.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest the write-ahead log stays after a burst, in bytes.
const JOURNAL_LIMIT: i64 = 64 << 20;

/// The open files of one data directory.
pub(super) struct Files {
    /// The connection that writes.
    pub(super) writer: Connection,
    /// The connection that only reads.
    pub(super) reader: Connection,
    /// Held for as long as the process uses the directory.
    pub(super) lock: File,
}

/// Opens the data directory and brings the schema up to date.
pub(super) fn open(options: &SqliteOptions) -> Result<Files, StoreError> {
    let lock = lock(&options.dir)?;
    let path = options.dir.join(FILE);
    let writer = write(&path, options)?;
    let reader = read(&path)?;
    Ok(Files { writer, reader, lock })
}

/// Opens a file for writing, makes it where it is missing, and brings its schema up to date.
pub(super) fn write(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let at = |error: rusqlite::Error| StoreError::Open(format!("{}: {error}", path.display()));
    let mut writer = Connection::open(path).map_err(at)?;
    ours(&writer, path)?;
    set_up(&writer, options).map_err(at)?;
    migrate(&mut writer).map_err(at)?;
    Ok(writer)
}

/// Opens a file for reading only.
fn read(path: &Path) -> Result<Connection, StoreError> {
    let at = |error: rusqlite::Error| StoreError::Open(format!("{}: {error}", path.display()));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags).map_err(at)?;
    reader.busy_timeout(BUSY_TIMEOUT).map_err(at)?;
    Ok(reader)
}

/// Opens a file for reading only that is to be read as it is, with the schema of this version.
pub(super) fn read_as_it_is(path: &Path) -> Result<Connection, StoreError> {
    let reader = read(path)?;
    ours(&reader, path)?;
    let version = user_version(&reader).unwrap_or_default();
    if version < MIGRATIONS.len() {
        return Err(StoreError::Open(format!(
            "{} was written by an older Postroom (schema {version}, this one knows {}): start and stop this \
             version's gateway on it once, which brings it up to date",
            path.display(),
            MIGRATIONS.len()
        )));
    }
    Ok(reader)
}

/// How long the lock of a directory is waited for: its last user may be about to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Makes the directory where it is missing, and takes its lock, which ends with the process.
pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
    let failed = |error: std::io::Error| StoreError::Open(format!("{}: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(failed)?;
    let path = dir.join("postroom.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::park_timeout(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Open(format!(
                    "another postroom process uses the data directory {}: stop it first, or give this one a \
                     directory of its own (--data)",
                    dir.display()
                )));
            }
        }
    }
}

/// Refuses files that another program, or a newer Postroom, has made.
fn ours(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let at = |error: rusqlite::Error| StoreError::Open(format!("{}: {error}", path.display()));
    let id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(at)?;
    let version = user_version(db).map_err(at)?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(at)?;
    if id != APPLICATION_ID && (id != 0 || tables != 0) {
        return Err(StoreError::Open(format!(
            "{} is not a Postroom database: move it away, or choose another data directory (--data)",
            path.display()
        )));
    }
    if version > MIGRATIONS.len() {
        return Err(StoreError::Open(format!(
            "{} was written by a newer Postroom (schema {version}, this one knows {}): start that version or \
             a later one",
            path.display(),
            MIGRATIONS.len()
        )));
    }
    Ok(())
}

fn user_version(db: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn set_up(db: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.pragma_update(None, "page_size", 4096)?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", 1000, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", JOURNAL_LIMIT, |_| Ok(()))?;
    if let Some(pages) = options.max_pages {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let done = user_version(db)?;
    for (version, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let step = db.transaction()?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", version.cast_signed() + 1)?;
        step.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DeviceTtl;

    fn options(dir: &Path) -> SqliteOptions {
        SqliteOptions::new(dir, Durability::Full, DeviceTtl::Never)
    }

    fn refusal(dir: &Path) -> String {
        open(&options(dir)).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_directory_in_use_is_refused_with_the_mend_and_free_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        let files = open(&options(&inner)).unwrap();
        assert!(refusal(&inner).contains("stop it first"));
        drop(files);
        assert!(open(&options(&inner)).is_ok());
    }

    #[test]
    fn a_newer_schema_and_a_foreign_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postroom.db");
        drop(open(&options(dir.path())).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(refusal(dir.path()).contains("newer Postroom (schema 99"));
        fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(refusal(dir.path()).contains("not a Postroom database"));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "no database at all, but long enough to be read as a header of one").unwrap();
        assert!(refusal(dir.path()).contains("not a database"));
    }

    #[test]
    fn the_settings_are_those_that_durability_rests_on() {
        let dir = tempfile::tempdir().unwrap();
        let files = open(&options(dir.path())).unwrap();
        let read = |name: &str| -> String {
            let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            files.writer.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(read("journal_mode"), "wal");
        assert_eq!(read("synchronous"), "2");
        assert_eq!(read("page_size"), "4096");
    }
}

//! The directory of a log: its lock, its format, and whether what lies in it can be trusted.
//!
//! `lock` is held by the one process that has it open; `FORMAT` names the format and is written when the database is complete;
//! `log.sqlite` holds everything, with SQLite's `-wal` and `-shm` beside it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{Fault, schema};
use crate::{
    error::{Cause, Error},
    limits,
};

const LOCK: &str = "lock";
const MARKER: &str = "FORMAT";
const DATABASE: &str = "log.sqlite";

/// What the marker says.
const FORMAT: &str = "rollcall-log 1";

/// The directory's lock, held until it is dropped.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do, were it not for a child process that was just forked and still has it open.
        // An error leaves that as it is, and nothing else.
        let _ = self.0.unlock();
    }
}

pub(super) struct Opened {
    pub(super) lock: Lock,
    pub(super) path: PathBuf,
    /// The one connection that writes.
    pub(super) conn: Connection,
}

/// Opens the log in `dir`, or creates one if nothing says that there has been one.
pub(super) fn open(dir: &Path) -> Result<Opened, Error> {
    fs::create_dir_all(dir).map_err(storage("create the directory", dir))?;
    let lock = lock(&dir.join(LOCK))?;
    let (marker, path) = (dir.join(MARKER), dir.join(DATABASE));
    let marked = read_marker(&marker)?;
    let there = path
        .try_exists()
        .map_err(storage("look for the database", &path))?;
    if marked && !there {
        return Err(Error::Damaged {
            path,
            what: format!(
                "it is missing, though {} says it was here",
                marker.display()
            ),
        });
    }
    let conn = if there {
        connect(&path, marked)?
    } else {
        create(&path)?
    };
    if !marked {
        write_marker(dir, &marker)?;
    }
    Ok(Opened { lock, path, conn })
}

/// A connection that only reads, for a reader.
pub(super) fn connect_to_read(path: &Path) -> Result<Connection, Error> {
    // Not OPEN_CREATE: a file that is gone is an error. Each connection is guarded by a mutex of ours.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(limits::BUSY_TIMEOUT)?;
        Ok(conn)
    };
    connect().map_err(|error| Fault::sqlite("open")(error).at(path))
}

fn lock(path: &Path) -> Result<Lock, Error> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(storage("open the lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse {
            path: path.to_path_buf(),
        }),
        Err(TryLockError::Error(error)) => Err(storage("lock", path)(error)),
    }
}

fn read_marker(path: &Path) -> Result<bool, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(Error::Damaged {
                path: path.to_path_buf(),
                what: "it is not text".into(),
            });
        }
        Err(error) => return Err(storage("read", path)(error)),
    };
    if text.trim_end() == FORMAT {
        return Ok(true);
    }
    Err(Error::ForeignFormat {
        path: path.to_path_buf(),
        found: format!("{:?}", text.trim_end()),
        known: format!("{FORMAT:?}"),
    })
}

fn write_marker(dir: &Path, path: &Path) -> Result<(), Error> {
    let unfinished = path.with_extension("new");
    let write = || {
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        // The names of the files are safe when their directory is.
        File::open(dir)?.sync_all()
    };
    write().map_err(storage("write", path))
}

fn create(path: &Path) -> Result<Connection, Error> {
    let conn = Connection::open(path);
    let conn = conn.map_err(|error| Fault::sqlite("create")(error).at(path))?;
    schema::create(&conn).map_err(|fault| fault.at(path))?;
    Ok(conn)
}

/// Opens what is there. Without a marker it may be a creation that was cut off, which left no table.
fn connect(path: &Path, marked: bool) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags);
    let conn = conn.map_err(|error| Fault::sqlite("open")(error).at(path))?;
    let format = schema::format(&conn).map_err(|fault| fault.at(path))?;
    if format.is_blank() && !marked {
        schema::create(&conn).map_err(|fault| fault.at(path))?;
        return Ok(conn);
    }
    if !format.is_ours() {
        return Err(Error::ForeignFormat {
            path: path.to_path_buf(),
            found: format.to_string(),
            known: schema::Format::OURS.to_string(),
        });
    }
    schema::verify(&conn).map_err(|fault| fault.at(path))?;
    schema::configure(&conn).map_err(|fault| fault.at(path))?;
    Ok(conn)
}

fn storage(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_path_buf();
    move |error| Error::Storage {
        doing,
        path: path.clone(),
        source: Cause::new(error),
    }
}

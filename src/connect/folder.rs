//! [`Folder`]: where files are dropped for a source that reads files only.
//!
//! A file is read when nobody writes to it any more: it was moved in under its final name, or nothing happened to it for
//! some seconds. What was read goes to `done/` or is removed, as the merchant chose; what could not be taken in is put aside
//! in `parked/`, line by line, with the reason in a file beside it. All of it lies there in clear: the folder is for the
//! operator to guard.
//!
//! Whoever may put files in may put in links as well. None is followed, neither as a file nor in the place of `done/` or
//! `parked/`: every name is looked up in the opened directory, and what was opened is what is looked at.

mod away;

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use away::{below, unwritten};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::file::{Items, only};
use super::{Connector, Fault, FileError, Form, Parameter, Parameters, TableMapping};
use crate::types::Timestamp;

/// Where files go that were read.
const DONE: &str = "done";
/// Where goes what could not be taken in.
const PARKED: &str = "parked";
/// Endings of files somebody still writes to.
const UNFINISHED: [&str; 6] = ["part", "partial", "filepart", "crdownload", "tmp", "swp"];
/// Bytes of the lines before the first row.
const LONGEST_HEAD: u64 = 1 << 20;

/// What the merchant says of a folder.
const PARAMETERS: [Parameter<'static>; 4] = [
    Parameter {
        name: "folder",
        title: "Directory the files are put into, as an absolute path",
        secret: false,
        example: Some("/srv/drop/till"),
        optional: false,
        ends_after_days: None,
    },
    Parameter {
        name: "after",
        title: "What becomes of a file that was read: move (to done/) or remove",
        secret: false,
        example: Some("remove"),
        optional: false,
        ends_after_days: None,
    },
    Parameter {
        name: "mapping",
        title: "File that says what the columns of CSV files mean (YAML); it is kept, not read again",
        secret: false,
        example: Some("columns.yaml"),
        optional: true,
        ends_after_days: None,
    },
    Parameter {
        name: "settle_seconds",
        title: "Seconds nothing may have happened to a file before it is read (10)",
        secret: false,
        example: None,
        optional: true,
        ends_after_days: None,
    },
];

/// A folder into which files are dropped.
pub struct Folder {
    path: PathBuf,
    moves: bool,
    table: Option<TableMapping>,
    settle: i64,
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its name.
    pub name: String,
    /// How it is written.
    pub form: Form,
    /// Bytes.
    pub size: u64,
    /// When it was last written to, in nanoseconds.
    pub modified: i64,
}

/// What became of opening a file.
pub enum Opened {
    /// This very file.
    File(File),
    /// It is gone, or another one stands there: the next sync looks again.
    Gone,
    /// The hub may not read it, or the disk cannot.
    Closed,
}

/// How far a file was read. It is kept sealed, because a name of a file may name a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePlace {
    /// Bytes of the file that was read; another size is another file.
    pub size: u64,
    /// When it was last written to, in nanoseconds.
    pub modified: i64,
    /// Items that are in or put aside.
    pub items: u64,
    /// Under which name in `parked/` what cannot be taken in goes.
    pub aside: String,
    /// Bytes of what was put aside so far.
    pub lines: u64,
    /// Bytes of the reasons.
    pub reasons: u64,
    /// Was something found that is in no line of its own, so that the file itself is to be put aside?
    #[serde(default)]
    pub spoilt: bool,
    /// Was it read to its end?
    #[serde(default)]
    pub whole: bool,
}

impl FilePlace {
    /// Is it the place in this very file?
    #[must_use]
    pub fn is_of(&self, file: &Dropped) -> bool {
        (self.size, self.modified) == (file.size, file.modified)
    }
}

impl Folder {
    /// What the merchant says of a folder.
    #[must_use]
    pub const fn parameters() -> &'static [Parameter<'static>] {
        &PARAMETERS
    }

    /// Reads what was entered. Nothing is looked at yet.
    ///
    /// # Errors
    /// If something is missing or wrong.
    pub fn of(parameters: &Parameters) -> Result<Self, Fault> {
        let fault = |name: &str, wrong| Fault::Parameter { name: name.to_owned(), wrong };
        if let Some(name) = parameters.keys().find(|name| PARAMETERS.iter().all(|known| known.name != name.as_str())) {
            return Err(fault(name, "is none of this connector"));
        }
        let path = parameters.get("folder").map(PathBuf::from).ok_or_else(|| fault("folder", "is missing"))?;
        if !path.is_absolute() {
            return Err(fault("folder", "must be an absolute path"));
        }
        let moves = match parameters.get("after").map(String::as_str) {
            Some("move") => true,
            Some("remove") => false,
            Some(_) => return Err(fault("after", "is neither `move` nor `remove`")),
            None => return Err(fault("after", "is missing")),
        };
        let settle = parameters.get("settle_seconds").map_or("10", String::as_str).parse::<u16>();
        let settle = settle.map_err(|_| fault("settle_seconds", "is no number of seconds"))?;
        let table = parameters.get("mapping").map(|text| TableMapping::parse("mapping", text)).transpose();
        let table = table.map_err(|_| fault("mapping", "is no mapping this version reads"))?;
        Ok(Self { path, moves, table, settle: i64::from(settle) * Timestamp::SECOND })
    }

    /// Can files be read here and put away?
    ///
    /// # Errors
    /// If not.
    pub fn check(&self) -> Result<(), Fault> {
        let inbox = self.inbox()?;
        self.names()?;
        for place in [DONE, PARKED] {
            match rustix::fs::mkdirat(&inbox, place, Mode::RWXU) {
                Ok(()) => rustix::fs::fsync(&inbox).map_err(unwritten)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(unwritten(error)),
            }
            below(&inbox, place)?;
        }
        Ok(())
    }

    /// The files that are finished, in the order of their names. The second is how many wait whose names promise no form.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn finished(&self, now: Timestamp) -> Result<(Vec<Dropped>, u64), Fault> {
        let (mut finished, mut strange) = (Vec::new(), 0);
        for name in self.names()? {
            let path = Path::new(&name);
            let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
            let unfinished = ending.is_some_and(|ending| UNFINISHED.contains(&ending.as_str()));
            if unfinished || name.starts_with(['.', '~']) || name.ends_with('~') {
                continue;
            }
            // A link could lead out of the folder.
            let Ok(found) = fs::symlink_metadata(self.path.join(path)) else { continue };
            if !found.is_file() {
                continue;
            }
            let Some(form) = Form::of(path) else {
                strange += 1;
                continue;
            };
            let (size, modified) = (found.len(), modified(&found));
            // Either way: a clock that runs ahead elsewhere must not keep a file waiting for ever.
            if (now.micros() - modified / 1_000).abs() >= self.settle {
                finished.push(Dropped { name, form, size, modified });
            }
        }
        finished.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((finished, strange))
    }

    /// Opens a file. It is the one that was found, and no link.
    ///
    /// # Errors
    /// If the directory cannot be read any more.
    pub fn open(&self, file: &Dropped) -> Result<Opened, Fault> {
        // Something else that stands there now must not keep the hub waiting.
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match rustix::fs::openat(self.inbox()?, &file.name, how, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(Opened::Gone),
            Err(_) => return Ok(Opened::Closed),
        };
        let Ok(found) = opened.metadata() else { return Ok(Opened::Closed) };
        Ok(if found.is_file() && file.is(&found) { Opened::File(opened) } else { Opened::Gone })
    }

    /// Reads an opened file.
    #[must_use]
    pub fn read<'a>(&'a self, connector: &'a Connector, form: Form, input: File, source: &'a str) -> Items<'a> {
        match (form, self.table.as_ref().or(connector.table())) {
            (Form::Csv, Some(table)) if !connector.reads_extf() => table.items(input, source),
            (Form::Csv, None) if !connector.reads_extf() => only(FileError::NeedsMapping),
            (form, _) => connector.items(input, form, source),
        }
    }

    /// The lines before the first row, without which rows mean nothing. The file stands at its beginning afterwards.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn head(connector: &Connector, form: Form, file: &mut File) -> io::Result<Vec<u8>> {
        let lines = match (form, connector.reads_extf()) {
            (Form::Csv, true) => 2,
            (Form::Csv, false) => 1,
            _ => 0,
        };
        let mut head = Vec::new();
        let mut input = BufReader::new(&mut *file).take(LONGEST_HEAD);
        for _ in 0..lines {
            input.read_until(b'\n', &mut head)?;
        }
        file.rewind()?;
        Ok(head)
    }

    /// The folder itself; that may be reached by a link, which is the operator's.
    fn inbox(&self) -> Result<OwnedFd, Fault> {
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let unread = |_| Fault::Folder("is no directory that can be read");
        rustix::fs::open(&self.path, how, Mode::empty()).map_err(unread)
    }

    fn names(&self) -> Result<Vec<String>, Fault> {
        let unread = |_| Fault::Folder("is no directory that can be read");
        let entries = fs::read_dir(&self.path).map_err(unread)?;
        // A name that is no text is nobody's export.
        entries
            .map(|entry| Ok(entry.map_err(unread)?.file_name().into_string().ok()))
            .filter_map(Result::transpose)
            .collect()
    }
}

fn modified(found: &Metadata) -> i64 {
    found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec())
}

impl Dropped {
    fn is(&self, found: &Metadata) -> bool {
        (found.len(), modified(found)) == (self.size, self.modified)
    }
}

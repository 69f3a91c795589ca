//! [`Folder`]: where files are dropped for a source that reads files only.
//!
//! A file is read when nobody writes to it any more: it was moved in under its final name, or nothing happened to it for
//! some seconds. What was read goes to `done/` or is removed, as the merchant chose; what could not be taken in is put aside
//! in `parked/`, line by line, with the reason in a file beside it. All of it lies there in clear: the folder is for the
//! operator to guard.
//!
//! Whoever may put files in may put in links as well. None is followed, neither as a file nor in the place of `done/` or
//! `parked/`: every name is looked up in the opened directory, and what was opened is what is looked at.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::file::{Items, only};
use super::{Connector, Fault, FileError, Form, Parameter, Parameters, TableMapping};
use crate::types::Timestamp;

/// Where files go that were read.
const DONE: &str = "done";
/// Where goes what could not be taken in.
const PARKED: &str = "parked";
/// What the name of a file begins with while it is put away.
const LEAVING: &str = ".obhut-away-";
/// What follows where the name itself has no room.
const SHORT: &str = "#";
/// Bytes of a name that file systems allow.
const LONGEST_NAME: usize = 255;
/// Bytes put before, into and behind a name: `whole-`, a number, `.reasons.csv`.
const ROOM: usize = 32;
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

    /// Brings back what a process that died was about to put away. `known` are the names of the files it was at.
    ///
    /// # Errors
    /// If the directory cannot be read or written to.
    pub fn bring_back<'n>(&self, known: impl Iterator<Item = &'n str> + Clone) -> Result<(), Fault> {
        let inbox = self.inbox()?;
        for leaving in self.names()? {
            let Some(rest) = leaving.strip_prefix(LEAVING) else { continue };
            let name = known.clone().find(|name| away(name) == leaving);
            give_back(&inbox, &leaving, name.unwrap_or_else(|| rest.trim_start_matches(SHORT)))?;
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

    /// Is it still the file that was read?
    #[must_use]
    pub fn is_unchanged(&self, file: &Dropped) -> bool {
        fs::symlink_metadata(self.path.join(&file.name)).is_ok_and(|found| found.is_file() && file.is(&found))
    }

    /// Puts a file away that was read: where it goes, or nowhere. One that is gone already is put away. `spoilt`: it holds what
    /// could not be taken in and stands in no line of its own, so it is put aside whole. False if another one stands in its place:
    /// that one stays.
    ///
    /// # Errors
    /// If it cannot be moved or removed.
    pub fn put_away(&self, file: &Dropped, spoilt: bool, aside: &str) -> Result<bool, Fault> {
        let inbox = self.inbox()?;
        // Under a name nobody else writes to, so that what is looked at is what goes.
        let leaving = away(&file.name);
        match rustix::fs::renameat(&inbox, &file.name, &inbox, &leaving) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(true),
            Err(error) => return Err(unwritten(error)),
        }
        let found = fs::symlink_metadata(self.path.join(&leaving)).map_err(|_| UNWRITTEN)?;
        if !found.is_file() || !file.is(&found) {
            give_back(&inbox, &leaving, &file.name)?;
            return Ok(false);
        }
        if spoilt || self.moves {
            let place = below(&inbox, if spoilt { PARKED } else { DONE })?;
            let name = if spoilt { format!("whole-{aside}") } else { free(&place, &file.name) };
            rustix::fs::renameat(&inbox, &leaving, &place, name).map_err(unwritten)?;
            rustix::fs::fsync(&place).map_err(unwritten)?;
        } else {
            rustix::fs::unlinkat(&inbox, &leaving, AtFlags::empty()).map_err(unwritten)?;
        }
        rustix::fs::fsync(&inbox).map_err(unwritten)?;
        Ok(true)
    }

    /// A name under which nothing is put aside yet.
    ///
    /// # Errors
    /// If the place for it cannot be opened.
    pub fn free_aside(&self, name: &str) -> Result<String, Fault> {
        Ok(free(&self.parked()?, &fitting(name)))
    }

    /// Where goes what could not be taken in.
    ///
    /// # Errors
    /// If it cannot be opened, or is no directory of its own.
    pub fn parked(&self) -> Result<OwnedFd, Fault> {
        below(&self.inbox()?, PARKED)
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

const UNWRITTEN: Fault = Fault::Folder("cannot be written to");

fn unwritten(_: Errno) -> Fault {
    UNWRITTEN
}

/// A directory of the folder.
fn below(inbox: &OwnedFd, place: &str) -> Result<OwnedFd, Fault> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let strange = |_| Fault::Folder("holds a `done` or `parked` that is no directory of its own");
    rustix::fs::openat(inbox, place, how, Mode::empty()).map_err(strange)
}

/// Gives a file its name back, or one like it if there is another file of that name by now.
fn give_back(inbox: &OwnedFd, leaving: &str, name: &str) -> Result<(), Fault> {
    let given = match rustix::fs::renameat_with(inbox, leaving, inbox, name, RenameFlags::NOREPLACE) {
        // Taken, or a file system that cannot be asked so.
        Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::renameat(inbox, leaving, inbox, free(inbox, name))
        }
        given => given,
    };
    given.map_err(unwritten)
}

/// Under which name a file is put away. A long one has no room for more, so a digest stands for it.
fn away(name: &str) -> String {
    let whole = format!("{LEAVING}{name}");
    if whole.len() <= LONGEST_NAME { whole } else { format!("{LEAVING}{SHORT}{}", shortened(name)) }
}

/// `name`, or a shorter one like it to which something can be added.
fn fitting(name: &str) -> String {
    if name.len() + ROOM <= LONGEST_NAME { name.to_owned() } else { shortened(name) }
}

/// The beginning of a name, a digest of all of it, and its ending.
fn shortened(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut start = LONGEST_NAME / 2;
    while !name.is_char_boundary(start) {
        start -= 1;
    }
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    format!("{}-{digest}.{ending}", name.get(..start).unwrap_or_default())
}

/// `name`, or with a number before its ending if it is taken: itself, its reasons, or the whole file.
fn free(directory: &OwnedFd, name: &str) -> String {
    let fitting = fitting(name);
    let path = Path::new(&fitting);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(&fitting);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let taken = |name: &str| {
        let variants = [name.to_owned(), format!("{name}.reasons.csv"), format!("whole-{name}")];
        let there = |name: &String| rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        variants.iter().any(there)
    };
    let mut names = std::iter::once(name.to_owned()).chain((2_u64..).map(|number| format!("{stem}-{number}.{ending}")));
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}

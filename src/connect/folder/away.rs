//! Putting files away that were read: under names nobody else writes to, and never over another file.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::{DONE, Dropped, Folder, PARKED};
use crate::connect::Fault;

/// What the name of a file begins with while it is put away.
const LEAVING: &str = ".obhut-away-";
/// What follows where the name itself has no room.
const SHORT: &str = "#";
/// Bytes of a name that file systems allow.
const LONGEST_NAME: usize = 255;
/// Bytes put before, into and behind a name: `whole-`, a number, `.reasons.csv`.
const ROOM: usize = 32;

impl Folder {
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
}

const UNWRITTEN: Fault = Fault::Folder("cannot be written to");

pub(super) fn unwritten(_: Errno) -> Fault {
    UNWRITTEN
}

/// A directory of the folder.
pub(super) fn below(inbox: &OwnedFd, place: &str) -> Result<OwnedFd, Fault> {
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

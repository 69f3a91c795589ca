//! [`Aside`]: what of a dropped file could not be taken in, put aside line by line with its reason.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Fault, FilePlace};

/// What is put aside of one file: the lines as they stood (rows of a table with the same cells), and beside them a table of the
/// reasons, which name no value.
///
/// Both are cut to the length the place names when reading goes on after a crash, so that nothing stands there twice.
pub struct Aside {
    lines: Part,
    reasons: Part,
}

struct Part {
    directory: Arc<OwnedFd>,
    name: String,
    head: Vec<u8>,
    length: u64,
    file: Option<File>,
}

impl Aside {
    /// In the directory `parked`, for a file of which `place` says how much was put aside; `head` goes before the first line.
    #[must_use]
    pub fn of(parked: OwnedFd, place: &FilePlace, head: Vec<u8>) -> Self {
        let directory = Arc::new(parked);
        let part = |name: String, head, length| Part { directory: directory.clone(), name, head, length, file: None };
        Self {
            lines: part(place.aside.clone(), head, place.lines),
            reasons: part(format!("{}.reasons.csv", place.aside), b"place,reason\n".to_vec(), place.reasons),
        }
    }

    /// Puts one thing aside: the line, where it is one of its own, and the reason.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&mut self, raw: Option<&[u8]>, place: &str, reason: &str) -> Result<(), Fault> {
        let mut told = csv::Writer::from_writer(Vec::new());
        let told = told.write_record([place, reason]).ok().and_then(|()| told.into_inner().ok()).unwrap_or_default();
        self.reasons.append(&told).map_err(unwritten)?;
        if let Some(raw) = raw {
            let end: &[u8] = if raw.ends_with(b"\n") { b"" } else { b"\n" };
            self.lines.append(&[raw, end].concat()).map_err(unwritten)?;
        }
        Ok(())
    }

    /// Makes durable what was put aside, and writes into the place how much it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self, place: &mut FilePlace) -> Result<(), Fault> {
        for part in [&self.lines, &self.reasons] {
            part.file.as_ref().map_or(Ok(()), File::sync_all).map_err(unwritten)?;
        }
        if self.reasons.file.is_some() {
            // The names as well.
            rustix::fs::fsync(&*self.reasons.directory).map_err(|error| unwritten(error.into()))?;
        }
        (place.lines, place.reasons) = (self.lines.length, self.reasons.length);
        Ok(())
    }

    /// Takes away what a run that died put aside and did not write down.
    ///
    /// # Errors
    /// If it cannot be cut.
    pub fn cut(&self) -> Result<(), Fault> {
        [&self.lines, &self.reasons].into_iter().try_for_each(Part::cut).map_err(unwritten)
    }
}

impl Part {
    fn cut(&self) -> io::Result<()> {
        if self.length == 0 {
            return match rustix::fs::unlinkat(&*self.directory, &self.name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        match self.open(OFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened.and_then(|file| file.set_len(self.length).and_then(|()| file.sync_all())),
        }
    }

    /// Opens the file itself: no link leads elsewhere.
    fn open(&self, how: OFlags) -> io::Result<File> {
        let how = how | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&*self.directory, &self.name, how, Mode::RUSR | Mode::WUSR)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                // What is begun is nobody else's.
                let how = if self.length == 0 { OFlags::CREATE | OFlags::EXCL } else { OFlags::CREATE };
                let mut file = self.open(how)?;
                file.set_len(self.length)?;
                file.seek(SeekFrom::Start(self.length))?;
                file
            }
        };
        if self.length == 0 {
            file.write_all(&self.head)?;
            self.length += self.head.len() as u64;
        }
        file.write_all(text)?;
        self.length += text.len() as u64;
        self.file = Some(file);
        Ok(())
    }
}

fn unwritten(_: io::Error) -> Fault {
    Fault::Folder("cannot be written to")
}

//! [`Aside`]: what of a dropped file could not be taken in, put aside line by line with its reason.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Fault, FilePlace};

/// What is put aside of one file: the lines as they stood, and beside them a table of the reasons, which name no value.
///
/// Both are cut to the length the place names when reading goes on after a crash, so that nothing stands there twice.
pub struct Aside {
    lines: Part,
    reasons: Part,
}

struct Part {
    path: PathBuf,
    head: Vec<u8>,
    length: u64,
    file: Option<File>,
}

impl Aside {
    /// For a file of which `place` says how much was put aside; `head` goes before the first line.
    #[must_use]
    pub fn of(parked: &Path, place: &FilePlace, head: Vec<u8>) -> Self {
        let reasons = format!("{}.reasons.csv", place.aside);
        Self {
            lines: Part { path: parked.join(&place.aside), head, length: place.lines, file: None },
            reasons: Part {
                path: parked.join(reasons),
                head: b"place,reason\n".to_vec(),
                length: place.reasons,
                file: None,
            },
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
        (place.lines, place.reasons) = (self.lines.length, self.reasons.length);
        Ok(())
    }

    /// Takes away what a run that died put aside and did not write down.
    ///
    /// # Errors
    /// If it cannot be cut.
    pub fn cut(&self) -> Result<(), Fault> {
        for part in [&self.lines, &self.reasons] {
            let cut = match OpenOptions::new().write(true).open(&part.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(error),
                Ok(_) if part.length == 0 => std::fs::remove_file(&part.path),
                Ok(file) => file.set_len(part.length).and_then(|()| file.sync_all()),
            };
            cut.map_err(unwritten)?;
        }
        Ok(())
    }
}

impl Part {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let mut file =
                    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
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

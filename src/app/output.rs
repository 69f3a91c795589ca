//! [`NewFile`]: a file for nobody but its owner, there when it is whole.
//!
//! It holds what the gateway opened. It is written beside its place under a name of its own, and put there when it is on disk:
//! whatever stood there before stays until then, and its mode does not become that of the new one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file on its way to its place. Dropped before [`NewFile::keep`], it leaves nothing behind.
pub(super) struct NewFile {
    file: File,
    /// Where it is written, and where it belongs; none if it is no file that could be put anywhere, such as a pipe.
    way: Option<(PathBuf, PathBuf)>,
}

impl NewFile {
    /// Begins one.
    ///
    /// # Errors
    /// In words for who runs the command.
    pub(super) fn create(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        Self::begin(path).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn begin(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Ok(Self { file: OpenOptions::new().write(true).open(path)?, way: None });
        }
        // A link stays a link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut beside = OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.part", std::process::id()));
        let beside = path.with_file_name(beside);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        Ok(Self { file, way: Some((beside, path)) })
    }

    /// Puts it in its place, durably.
    ///
    /// # Errors
    /// If that fails; then it is not there.
    pub(super) fn keep(mut self) -> io::Result<()> {
        let Some((beside, path)) = self.way.take() else { return self.file.flush() };
        let placed = self.file.sync_all().and_then(|()| fs::rename(&beside, &path));
        if placed.is_err() {
            // What failed is told already.
            let _left = fs::remove_file(&beside);
            return placed;
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.way {
            let _left = fs::remove_file(beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_that_was_there_stays_until_the_new_one_is_whole_and_its_mode_goes_with_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out.csv");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let mut half = NewFile::create(&path).unwrap();
        half.write_all(b"half").unwrap();
        let (beside, _) = half.way.clone().unwrap();
        assert_eq!((mode(&beside), fs::read(&path).unwrap()), (0o600, b"before".to_vec()));
        drop(half);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "half a file is left");
        let mut whole = NewFile::create(&path).unwrap();
        whole.write_all(b"whole").unwrap();
        whole.keep().unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"whole".to_vec()));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_is_written_to_where_it_is() {
        let mut nothing = NewFile::create(Path::new("/dev/null")).unwrap();
        nothing.write_all(b"x").unwrap();
        nothing.keep().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}

//! The root key: the one secret that is never in the database. It wraps the KEK epochs and the hub's own secrets.
//!
//! Providers: a [`FileRoot`] (the embedded default), a [`CredentialRoot`] (systemd credential or a text from the
//! configuration). A provider that asks a key server implements [`RootKey`] too; it is asked at start and when an
//! epoch is made, never per read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::types::{Entropy, EntropyFailure};

use super::Error;
use super::cipher::{Secret, Wrapper};

/// Bytes of a root key.
const LENGTH: usize = 32;
/// Longest credential that is read: 64 hex digits and some white space.
const LONGEST: u64 = 256;
/// Leads the associated data of everything a local root key wraps.
const DOMAIN: &[u8; 16] = b"obhut root v1\0\0\0";

/// Wraps and unwraps the hub's top secrets.
///
/// `name` says what the secret is (`kek/7`, `secret/index.lookup`) and is bound to the wrapping: a wrapped secret
/// does not open under another name.
pub trait RootKey: Send + Sync {
    /// Which provider this is, for the log: `file`, `credential`.
    fn provider(&self) -> &'static str;

    /// Wraps `secret`.
    ///
    /// # Errors
    /// If there is no randomness or the provider does not answer.
    fn wrap(&self, name: &str, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, RootError>;

    /// Unwraps what was wrapped under `name`.
    ///
    /// # Errors
    /// [`RootError::Refused`] if another root key wrapped it or it was changed; [`RootError::Provider`] if the
    /// provider does not answer.
    fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, RootError>;
}

/// The root key could not be read or used.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The file could not be read or written.
    #[error("the root key file {} could not be used", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the root key file {path} has mode {mode:04o} and can be used by others: run `chmod 600 {path}`", path = .path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to another user.
    #[error("the root key file {path} belongs to user {owner}, the hub runs as user {user}: run `chown {user} {path}`", path = .path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The hub's user.
        user: u32,
    },
    /// The file is not a regular file of 32 bytes.
    #[error(
        "the root key file {path} is not a regular file of 32 bytes: put the right key back from its copy; only if nothing was ever stored with it, delete the file and a new key is made",
        path = .path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// The credential is not a key.
    #[error("the root key credential must be 32 bytes, raw or as 64 hexadecimal digits or as base64")]
    Text,
    /// The wrapped secret does not open.
    #[error("the root key does not open {0}: it is not the key that wrapped it, or the row was changed")]
    Refused(String),
    /// A remote provider did not do what was asked.
    #[error("the root key provider failed: {0}")]
    Provider(String),
    /// A cipher refused its input.
    #[error("a cipher refused its input")]
    Cipher,
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

/// A root key in a file of 32 raw bytes that only the hub's user may read.
pub struct FileRoot(Local);

impl FileRoot {
    /// Reads the key, or makes it on the first start: mode 0600, created exclusively, file and directory flushed to
    /// the disk before anything is wrapped with it.
    ///
    /// # Errors
    /// If the file cannot be read or made, or has a wrong mode, owner or size.
    pub fn open_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, RootError> {
        let failed = |error: &RootError, kind| matches!(error, RootError::File { source, .. } if source.kind() == kind);
        match Self::open(path) {
            Err(error) if failed(&error, ErrorKind::NotFound) => match create(path, entropy) {
                // Another process was quicker.
                Err(error) if failed(&error, ErrorKind::AlreadyExists) => Self::open(path),
                made => {
                    let key = made?;
                    tracing::warn!(
                        ?path,
                        "the root key was made: keep a copy elsewhere, nothing that is stored opens without it"
                    );
                    Ok(Self(key))
                }
            },
            Ok(opened) => {
                // A crash between naming the key and taking the other name away leaves a second name for the key.
                if let Err(error) = remove_stale(&beside(path)) {
                    tracing::warn!(%error, "a second name of the root key file could not be removed");
                }
                Ok(opened)
            }
            failed => failed,
        }
    }

    /// Reads a key that must exist.
    ///
    /// # Errors
    /// If the file cannot be read or has a wrong mode, owner or size.
    pub fn open(path: &Path) -> Result<Self, RootError> {
        let fault = |source| RootError::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(fault)?;
        // Asked of the open file, not of the path: what is checked is what is read.
        let facts = file.metadata().map_err(fault)?;
        let (mode, user) = (facts.mode() & 0o7777, rustix::process::geteuid().as_raw());
        if mode & 0o077 != 0 {
            return Err(RootError::Mode { path: path.to_owned(), mode });
        }
        if facts.uid() != user {
            return Err(RootError::Owner { path: path.to_owned(), owner: facts.uid(), user });
        }
        if !facts.is_file() || facts.len() != LENGTH as u64 {
            return Err(RootError::Size { path: path.to_owned() });
        }
        let mut key = Zeroizing::new([0; LENGTH]);
        file.read_exact(key.as_mut_slice()).map_err(fault)?;
        Local::new(key.as_slice()).map(Self)
    }
}

/// A root key that the service manager or the configuration hands over.
pub struct CredentialRoot(Local);

impl CredentialRoot {
    /// Reads a credential file, such as `$CREDENTIALS_DIRECTORY/<name>` of systemd (`LoadCredential=`,
    /// `LoadCredentialEncrypted=`). The mode is the service manager's business and is not checked.
    ///
    /// # Errors
    /// If the file cannot be read or is no key.
    pub fn from_file(path: &Path) -> Result<Self, RootError> {
        let fault = |source| RootError::File { path: path.to_owned(), source };
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
        File::open(path).map_err(fault)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(fault)?;
        if bytes.len() == LENGTH {
            return Local::new(&bytes).map(Self);
        }
        std::str::from_utf8(&bytes).map_err(|_| RootError::Text).and_then(Self::from_text)
    }

    /// Reads a key from a text: 64 hexadecimal digits, or base64 (either alphabet, padded or not) of 32 bytes.
    ///
    /// # Errors
    /// If the text is no key.
    pub fn from_text(text: &str) -> Result<Self, RootError> {
        let text = text.trim();
        let mut key = Zeroizing::new([0; LENGTH]);
        if hex::decode_to_slice(text, key.as_mut_slice()).is_ok() {
            return Local::new(key.as_slice()).map(Self);
        }
        for alphabet in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            if let Ok(bytes) = alphabet.decode(text).map(Zeroizing::new)
                && bytes.len() == LENGTH
            {
                return Local::new(&bytes).map(Self);
            }
        }
        Err(RootError::Text)
    }
}

macro_rules! local_root {
    ($name:ident, $provider:literal) => {
        impl RootKey for $name {
            fn provider(&self) -> &'static str {
                $provider
            }

            fn wrap(&self, name: &str, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
                self.0.wrap(name, secret, entropy)
            }

            fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, RootError> {
                self.0.unwrap(name, wrapped)
            }
        }
    };
}

local_root!(FileRoot, "file");
local_root!(CredentialRoot, "credential");

/// A root key in this process's memory. Wraps with XAES-256-GCM; associated data:
/// `"obhut root v1" padded with zeros to 16 ‖ name`.
struct Local(Wrapper);

impl Local {
    fn new(bytes: &[u8]) -> Result<Self, RootError> {
        Secret::from_slice(bytes).map(|key| Self(Wrapper::new(&key))).ok_or(RootError::Text)
    }

    fn wrap(&self, name: &str, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        self.0.wrap(&aad(name), secret, entropy).map_err(|error| match error {
            Error::Entropy(failure) => RootError::Entropy(failure),
            _ => RootError::Cipher,
        })
    }

    fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, RootError> {
        self.0.unwrap(&aad(name), wrapped).ok_or_else(|| RootError::Refused(name.to_owned()))
    }
}

fn aad(name: &str) -> Vec<u8> {
    [DOMAIN.as_slice(), name.as_bytes()].concat()
}

/// Makes the file; fails with `AlreadyExists` if there is one. The key is whole on the disk before the file has its
/// name: a crash leaves a stale `.new`, never an empty key.
fn create(path: &Path, entropy: &dyn Entropy) -> Result<Local, RootError> {
    let fault = |source| RootError::File { path: path.to_owned(), source };
    let key = Secret::random(entropy).map_err(|_| EntropyFailure)?;
    let new = beside(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&new).map_err(fault)?;
    // Of two first starts at once the second waits here, and then finds the key of the first.
    file.lock().map_err(fault)?;
    let write = |file: &mut File| {
        if path.exists() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        file.set_len(0)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(key.bytes())?;
        file.sync_all()?;
        // Not a rename: that would replace a key that is there.
        fs::hard_link(&new, path)
    };
    let written = write(&mut file);
    if written.is_ok() || path.exists() {
        remove_stale(&new).map_err(fault)?;
    }
    written.map_err(fault)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(fault)?;
    Local::new(key.bytes())
}

/// Where a key is written before it gets its name.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn remove_stale(new: &Path) -> std::io::Result<()> {
    match fs::remove_file(new) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

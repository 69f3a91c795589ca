//! [`Injector`]: a disk that fails on command, below the real server process. See `tests/faults/shim.c`.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::house::Surroundings;

const RULES: u64 = 8;
const RULE: u64 = 64;

/// What the operating system says of a call.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub enum Errno {
    /// `EIO`: the device failed.
    Io = 5,
    /// `EMFILE`: too many open files.
    TooManyFiles = 24,
    /// `ENOSPC`: the disk is full.
    NoSpace = 28,
}

/// A library in front of the C library, and the page of rules it shares with the test.
pub struct Injector {
    rules: File,
    directory: TempDir,
    library: PathBuf,
}

impl Injector {
    /// Nothing fails yet.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("shim.so");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args(["tests/faults/shim.c", "-ldl"]);
        let made = compile.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut options = File::options();
        let rules = options.create_new(true).read(true).write(true).open(control(directory.path())).unwrap();
        rules.set_len(RULES * RULE).unwrap();
        Self { rules, directory, library }
    }

    /// What a server must be started in.
    pub fn surroundings(&self) -> Surroundings {
        let control = control(self.directory.path());
        Surroundings {
            environment: vec![("LD_PRELOAD", self.library.clone().into()), ("FAULTS_CONTROL", control.into())],
            database_url: None,
        }
    }

    /// From now on calls of `kind` fail on files whose path holds `text`, or ends with it if
    /// its last sign is `$`.
    pub fn fail(&self, kind: &str, text: &str, errno: Errno) {
        self.fail_after(0, kind, text, errno);
    }

    /// The same, after `pass` such calls went well.
    pub fn fail_after(&self, pass: u32, kind: &str, text: &str, errno: Errno) {
        let free = (0..RULES).find(|rule| self.word(*rule, 0) == 0).expect("there are eight rules");
        self.set_word(free, 4, pass);
        self.set_text(free, 16, 16, kind);
        self.set_text(free, 32, 32, text);
        // Last: this turns it on.
        self.set_word(free, 0, u32::try_from(errno as i32).unwrap());
    }

    /// Nothing fails any more.
    pub fn relax(&self) {
        (0..RULES).for_each(|rule| self.set_word(rule, 0, 0));
    }

    /// How many calls have failed so far. A test that looks at none has tested nothing.
    pub fn failed(&self) -> u32 {
        (0..RULES).map(|rule| self.word(rule, 8)).sum()
    }

    fn word(&self, rule: u64, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.rules.read_exact_at(&mut bytes, rule * RULE + offset).unwrap();
        u32::from_ne_bytes(bytes)
    }

    fn set_word(&self, rule: u64, offset: u64, word: u32) {
        self.rules.write_all_at(&word.to_ne_bytes(), rule * RULE + offset).unwrap();
    }

    fn set_text(&self, rule: u64, offset: u64, size: usize, text: &str) {
        assert!(text.len() < size, "{text} is too long for a rule");
        let mut bytes = vec![0; size];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        self.rules.write_all_at(&bytes, rule * RULE + offset).unwrap();
    }
}

fn control(directory: &Path) -> PathBuf {
    directory.join("rules")
}

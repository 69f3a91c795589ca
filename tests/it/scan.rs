//! Looks for bytes in files and in the memory of a process, many patterns at once.

use std::fs::File;
use std::io::{Error, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of one page of memory.
const PAGE: usize = 4096;
/// Bit 63 of an entry of `/proc/<pid>/pagemap`: the page is in memory. Bit 62: it is swapped out.
const THERE: u64 = 0b11 << 62;

/// What is looked for.
pub struct Scan {
    patterns: Vec<Vec<u8>>,
    /// By their first two bytes, so that one pass is enough.
    starts: Vec<Vec<usize>>,
}

impl Scan {
    /// For these bytes. Fewer than four would be found anywhere.
    pub fn of(patterns: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let patterns: Vec<Vec<u8>> = patterns.into_iter().collect();
        let mut starts = vec![Vec::new(); 1 << 16];
        for (number, pattern) in patterns.iter().enumerate() {
            assert!(pattern.len() > 3, "too short to mean anything: {pattern:?}");
            starts[usize::from(u16::from_le_bytes([pattern[0], pattern[1]]))].push(number);
        }
        Self { patterns, starts }
    }

    /// The numbers of the patterns that are in `bytes`, each as often as it is.
    pub fn all_in(&self, bytes: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut before = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let pair = usize::from(*byte) << 8 | before;
            before = usize::from(*byte);
            if at > 0 && !self.starts[pair].is_empty() {
                let begins = |number: &&usize| bytes[at - 1..].starts_with(&self.patterns[**number]);
                found.extend(self.starts[pair].iter().filter(begins));
            }
        }
        found
    }

    /// The same in a file; a file that was taken away meanwhile holds nothing.
    pub fn all_in_file(&self, path: &Path) -> Vec<usize> {
        match std::fs::read(path) {
            Ok(bytes) => self.all_in(&bytes),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => panic!("{} cannot be read: {cause}", path.display()),
        }
    }

    /// The same in everything that a process can write to in its memory: heap, stacks, static data.
    pub fn all_in_memory(&self, process: u32) -> Result<Vec<usize>, Error> {
        let proc = Path::new("/proc").join(process.to_string());
        let memory = File::open(proc.join("mem"))?;
        let mut pages = File::open(proc.join("pagemap"))?;
        let mut found = Vec::new();
        for line in std::fs::read_to_string(proc.join("maps"))?.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            if !rights.starts_with("rw") {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
            // Most of what an allocator reserves was never touched.
            let mut entries = vec![0; usize::try_from(to - from).unwrap() / PAGE * 8];
            pages.seek(SeekFrom::Start(from / PAGE as u64 * 8))?;
            pages.read_exact(&mut entries)?;
            let there: Vec<bool> =
                entries.as_chunks::<8>().0.iter().map(|entry| u64::from_ne_bytes(*entry) & THERE != 0).collect();
            let mut at = from;
            for run in there.chunk_by(|left, right| left == right) {
                let length = run.len() * PAGE;
                if run[0] {
                    let mut bytes = vec![0; length];
                    // A page may go while it is read.
                    if memory.read_exact_at(&mut bytes, at).is_ok() {
                        found.extend(self.all_in(&bytes));
                    }
                }
                at += length as u64;
            }
        }
        Ok(found)
    }
}

/// Says loudly that something was not checked here. A runner that hides the output of tests that pass does not hide the
/// list that `tests/run` shows at its end.
#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that was not made must not look like one")]
pub fn left_out(what: &str) {
    eprintln!("LEFT OUT: {what}");
    if let Some(list) = std::env::var_os("OBHUT_TEST_LEFT_OUT") {
        let mut list = File::options().append(true).create(true).open(list).unwrap();
        writeln!(list, "LEFT OUT: {what}").unwrap();
    }
}

#[test]
fn the_scan_finds_all_there_is() {
    let scan = Scan::of([b"needle".to_vec(), b"need".to_vec(), vec![0, 0, 7, 7]]);
    assert_eq!(scan.all_in(b"a needle"), [0, 1]);
    assert_eq!(scan.all_in(&[1, 0, 0, 7, 7]), [2]);
    assert_eq!(scan.all_in(b"nee dle"), [0; 0]);
    // This process holds what it looks for.
    let own = scan.all_in_memory(std::process::id()).unwrap();
    assert!([0, 1, 2].iter().all(|number| own.contains(number)), "{own:?}");
}

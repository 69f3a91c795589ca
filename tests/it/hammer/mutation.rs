//! Inputs out of a corpus: pieces of it cut, doubled, joined and spoilt. Every third grows out of an earlier one.

use std::path::PathBuf;

use crate::clock_and_chance::SeededChance;

/// Longer inputs are cut; limits on size are tested elsewhere.
const LONGEST: usize = 16 << 10;
/// Inputs that later ones grow out of, beside the corpus.
const POOL: usize = 256;

/// Texts that parsers trip over.
const TROUBLE: [&[u8]; 36] = [
    b"\0",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udfff\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b";",
    b"\r\n",
    b"\n",
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"-1e-999",
    b"0.1",
    b"99999999999999999999",
    b"9223372036854775808",
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    "\u{202e}".as_bytes(),
    "\u{200d}".as_bytes(),
    "ß".as_bytes(),
    "İ".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{1f468}\u{200d}\u{1f469}".as_bytes(),
    b"0000-00-00T99:99:99Z",
    b"9999-12-31T23:59:60Z",
    b"'\"><script>",
];

/// A corpus and what grew out of it.
pub struct Corpus {
    seeds: Vec<Vec<u8>>,
    pool: Vec<Vec<u8>>,
    chance: std::sync::Arc<SeededChance>,
}

impl Corpus {
    /// The files of `tests/corpus/<name>`; what once was a fault is kept there too.
    pub fn of(name: &str, seed: u64) -> Self {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
        let entries = std::fs::read_dir(&directory).unwrap_or_else(|_| panic!("no corpus in {}", directory.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let seeds: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert!(!seeds.is_empty());
        Self { seeds, pool: Vec::new(), chance: SeededChance::of(seed) }
    }

    /// What the corpus is, before anything grows out of it.
    pub fn seeds(&self) -> &[Vec<u8>] {
        &self.seeds
    }

    /// The next input.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.pick();
        // Half of them stay close to what they were, so that they get past the first check.
        let changes = if self.chance.below(2) == 0 { 1 } else { 1 + self.chance.below(6) };
        for _ in 0..changes {
            self.spoil(&mut input);
        }
        input.truncate(LONGEST);
        if self.pool.len() < POOL {
            self.pool.push(input.clone());
        } else if self.chance.below(64) == 0 {
            let at = self.chance.below(POOL);
            self.pool[at].clone_from(&input);
        }
        input
    }

    fn pick(&self) -> Vec<u8> {
        let grown = !self.pool.is_empty() && self.chance.below(3) == 0;
        self.chance.one_of(if grown { &self.pool } else { &self.seeds }).clone()
    }

    fn spoil(&self, input: &mut Vec<u8>) {
        let chance = &self.chance;
        let at = chance.below(input.len() + 1);
        let length = chance.below((input.len() - at).min(32) + 1);
        match chance.below(12) {
            0 if !input.is_empty() => input[at.min(length)] ^= 1 << chance.below(8),
            1 => drop(input.drain(at..at + length)),
            2 => {
                let piece = input[at..at + length].to_vec();
                input.splice(at..at, piece);
            }
            3 => drop(input.splice(at..at + length, chance.one_of(&TROUBLE).iter().copied())),
            4 => drop(input.splice(at..at, chance.one_of(&TROUBLE).iter().copied())),
            5 => {
                // A piece of another one, at a place of the same kind if there is one.
                let other = self.pick();
                let from = chance.below(other.len() + 1);
                let to = from + chance.below((other.len() - from).min(200) + 1);
                input.splice(at..at + length, other[from..to].iter().copied());
            }
            6 => input.truncate(at),
            7..=10 => self.swap_values(input),
            _ => {
                for byte in &mut input[at..at + length] {
                    if byte.is_ascii_digit() {
                        *byte = b"0123456789-+.eE"[chance.below(15)];
                    }
                }
            }
        }
    }

    /// Puts the text between two quotes in the place of another, which keeps documents whole.
    fn swap_values(&self, input: &mut Vec<u8>) {
        let quotes: Vec<usize> = (0..input.len()).filter(|at| input[*at] == b'"').collect();
        if quotes.len() < 4 {
            return;
        }
        let pair = || 2 * self.chance.below(quotes.len() / 2);
        let (from, to) = (pair(), pair());
        let text = input[quotes[from]..=quotes[from + 1]].to_vec();
        input.splice(quotes[to]..=quotes[to + 1], text);
    }
}

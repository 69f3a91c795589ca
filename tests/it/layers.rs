//! The arrows between the rooms: every `crate::…` path in `src` points down.
//!
//! Paths in comments and in tests are free. Rooms side by side on one line of the map do not know each other.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::databases::files_below;

/// The map, from the top: a room may use every room on a lower line.
const MAP: [&[&str]; 8] = [
    &["app", "cli", "config", "logging", "lib", "main"],
    &["api", "web", "jobs"],
    &["intake", "segments", "rights", "connect", "collect"],
    &["gateway"],
    &["consent", "graph", "audit"],
    &["vault"],
    &["store"],
    &["types"],
];

/// Rooms of the first line that are plain words of the start and know each other.
const TOP: usize = 0;

/// Arrows that are lawful although they do not point down: from, to, why. It may only shrink.
const EXEMPT: &[(&str, &str, &str)] = &[];

/// Libraries that only certain rooms may use, and what that keeps true.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    ("diesel", &["store"], "SQL lives in `store`: give the table's file there a function for it"),
    ("diesel_migrations", &["store"], "SQL lives in `store`: give the table's file there a function for it"),
    ("actix_web", &["api", "web", "app", "main"], "HTTP lives in `api` and `web`: take plain values instead"),
    ("aes_gcm", &["vault"], "ciphers live in `vault`: use its `Sealer` or the gateway"),
    ("xaes_256_gcm", &["vault"], "ciphers live in `vault`: use its `Sealer` or the gateway"),
    ("hkdf", &["vault"], "ciphers live in `vault`: use its `Sealer` or the gateway"),
    ("reqwest", &["connect"], "calls to the outside live in `connect`"),
];

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for source in sources(Path::new("src")) {
        wrong.extend(source.wrong_arrows());
    }
    let list: String = wrong.iter().map(|arrow| format!("  {arrow}\n")).collect();
    assert!(wrong.is_empty(), "these paths leave the map of the house (ARCHITECTURE.md):\n{list}");
}

#[test]
fn no_exemption_is_left_over() {
    let used: BTreeSet<(String, String)> = sources(Path::new("src"))
        .iter()
        .flat_map(|source| source.arrows())
        .map(|arrow| (arrow.from, arrow.to))
        .collect();
    for (from, to, reason) in EXEMPT {
        assert!(
            used.contains(&((*from).to_owned(), (*to).to_owned())),
            "nothing uses {from} > {to} any more ({reason})"
        );
    }
}

#[test]
fn every_forbidden_arrow_is_found() {
    for (path, text, found) in [
        ("src/store/x.rs", "use crate::gateway::Ask;", "gateway"),
        ("src/store/x.rs", "use crate::{types::Part, vault::{self, Sealer}};", "vault"),
        ("src/store/x.rs", "use crate::{\n    audit,\n    types::Part,\n};", "audit"),
        ("src/store/mod.rs", "use super::vault;", "vault"),
        ("src/store/x/y.rs", "fn f() { super::super::super::audit::f() }", "audit"),
        ("src/graph/mod.rs", "use crate::consent::Act;", "consent"),
        ("src/api/x.rs", "fn f() -> crate::config::Config { crate::config::Config::new() }", "config"),
        ("src/intake/x.rs", "use diesel::prelude::*;", "diesel"),
        ("src/gateway/x.rs", "#[cfg(test)]\nmod tests { use crate::api; }\nuse crate::rights;", "rights"),
        ("src/consent/x.rs", "const A: char = '\"'; use crate::gateway::Ask; const B: char = '\"';", "gateway"),
    ] {
        let arrows = Source::new(path.into(), text).wrong_arrows();
        assert!(arrows.iter().any(|arrow| arrow.to == found), "nothing found in {path}: {text}");
    }
}

#[test]
fn lawful_paths_are_left_alone() {
    for (path, text) in [
        ("src/store/x.rs", "//! See [`crate::gateway`].\nuse crate::types::Part; // not crate::vault"),
        ("src/store/x.rs", "/* crate::api /* crate::web */ crate::jobs */ const A: &str = \"crate::api\";"),
        ("src/store/x.rs", "const A: &str = r#\"crate::api \" crate::web\"#;"),
        ("src/store/x.rs", "#[cfg(test)]\nmod tests {\n    use crate::vault;\n}\n"),
        ("src/store/x/y.rs", "use super::super::audit;"),
        ("src/cli.rs", "use crate::config::Config;"),
        ("src/gateway/door.rs", "use crate::{consent::Purpose, vault::Opener};"),
    ] {
        let arrows = Source::new(path.into(), text).wrong_arrows();
        assert!(arrows.is_empty(), "found {} in {path}: {text}", arrows[0]);
    }
}

/// A use of one room by another.
struct Arrow {
    file: PathBuf,
    line: usize,
    from: String,
    to: String,
}

impl Arrow {
    fn is_lawful(&self) -> bool {
        let exempt = EXEMPT.iter().any(|(from, to, _)| (*from, *to) == (self.from.as_str(), self.to.as_str()));
        if let Some((_, rooms, _)) = self.library() {
            return exempt || rooms.contains(&self.from.as_str());
        }
        let lawful = match (level(&self.from), level(&self.to)) {
            (Some(from), Some(to)) => from < to || self.from == self.to || (from, to) == (TOP, TOP),
            _ => false,
        };
        lawful || exempt
    }

    fn library(&self) -> Option<&'static (&'static str, &'static [&'static str], &'static str)> {
        LIBRARIES.iter().find(|(library, _, _)| *library == self.to)
    }

    fn advice(&self) -> String {
        if let Some((_, _, advice)) = self.library() {
            return (*advice).to_owned();
        }
        match (level(&self.from), level(&self.to)) {
            (None, _) => format!("put `{}` on the map in tests/it/layers.rs and in ARCHITECTURE.md", self.from),
            (_, None) => format!("put `{}` on the map in tests/it/layers.rs and in ARCHITECTURE.md", self.to),
            (Some(from), Some(to)) if from == to => format!(
                "rooms side by side do not know each other; what both need belongs in {}, what needs both in {}",
                rooms_of(from + 1),
                rooms_of(from.saturating_sub(1)),
            ),
            (Some(from), _) => format!(
                "arrows point down; what `{}` needs of it belongs in `{}` itself or in {}, or comes as an argument from \
                 above",
                self.from,
                self.from,
                rooms_of(from + 1),
            ),
        }
    }
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} > {}: {}", self.file.display(), self.line, self.from, self.to, self.advice())
    }
}

fn level(room: &str) -> Option<usize> {
    MAP.iter().position(|rooms| rooms.contains(&room))
}

fn rooms_of(level: usize) -> String {
    let rooms = MAP.get(level).copied().unwrap_or(&["types"]);
    rooms.iter().map(|room| format!("`{room}`")).collect::<Vec<_>>().join(", ")
}

/// A file of the house, with everything blanked that is not production code.
struct Source {
    path: PathBuf,
    code: String,
    /// Modules that only exist in tests: `#[cfg(test)] mod name;`.
    test_modules: Vec<String>,
}

/// All production files below `directory`.
fn sources(directory: &Path) -> Vec<Source> {
    let all: Vec<Source> = files_below(directory)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            Source::new(path, &text)
        })
        .collect();
    let tests: Vec<PathBuf> = all.iter().flat_map(Source::test_files).collect();
    all.into_iter().filter(|source| !tests.iter().any(|test| source.path.starts_with(test))).collect()
}

impl Source {
    fn new(path: PathBuf, text: &str) -> Self {
        let mut code = without_comments_and_texts(text);
        let mut test_modules = Vec::new();
        while let Some(start) = code.find("#[cfg(test)]") {
            let (item, end) = item_at(&code, start);
            let item = item.rsplit(']').next().unwrap_or_default().trim();
            if let Some(name) = item.strip_prefix("pub(super) ").unwrap_or(item).strip_prefix("mod ") {
                test_modules.push(name.trim_end_matches([';', '{']).trim().to_owned());
            }
            blank(&mut code, start, end);
        }
        Self { path, code, test_modules }
    }

    /// Files and folders of the test modules declared here.
    fn test_files(&self) -> Vec<PathBuf> {
        let folder = self.folder();
        self.test_modules.iter().flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)]).collect()
    }

    /// Where this file's submodules lie.
    fn folder(&self) -> PathBuf {
        let stem = self.path.file_stem().unwrap().to_str().unwrap();
        let root = matches!(stem, "mod" | "lib" | "main");
        if root { self.path.parent().unwrap().to_owned() } else { self.path.with_extension("") }
    }

    /// The names of the modules around this file, without the crate.
    fn modules(&self) -> Vec<String> {
        let folder = self.folder();
        let below = folder.strip_prefix("src").unwrap();
        below.iter().map(|part| part.to_str().unwrap().to_owned()).collect()
    }

    fn room(&self) -> String {
        self.modules().first().cloned().unwrap_or_else(|| self.path.file_stem().unwrap().to_str().unwrap().to_owned())
    }

    fn wrong_arrows(&self) -> Vec<Arrow> {
        self.arrows().into_iter().filter(|arrow| !arrow.is_lawful()).collect()
    }

    fn arrows(&self) -> Vec<Arrow> {
        let from = self.room();
        // The first page of the crate only names the rooms.
        if from == "lib" {
            return Vec::new();
        }
        let up = "super::".repeat(self.modules().len());
        let mut arrows = Vec::new();
        for root in ["crate::".to_owned(), up] {
            for at in paths(&self.code, &root) {
                let rest = &self.code[at + root.len()..];
                for (offset, to) in first_words(rest) {
                    // `super::x` with one `super` more or less than the room is deep stays in the room.
                    if root == "crate::" || level(&to).is_some() {
                        let line = self.line(at + root.len() + offset);
                        arrows.push(Arrow { file: self.path.clone(), line, from: from.clone(), to });
                    }
                }
            }
        }
        for (library, _, _) in LIBRARIES {
            let at = paths(&self.code, &format!("{library}::")).first().copied();
            arrows.extend(at.map(|at| Arrow {
                file: self.path.clone(),
                line: self.line(at),
                from: from.clone(),
                to: (*library).to_owned(),
            }));
        }
        arrows
    }

    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// Where paths that begin with `root` stand.
fn paths(code: &str, root: &str) -> Vec<usize> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.match_indices(root).map(|(at, _)| at).filter(|at| !code[..*at].ends_with(inside)).collect()
}

/// The first word of a path, or of each branch of a `{…}` tree, with its offset.
fn first_words(rest: &str) -> Vec<(usize, String)> {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(tree) = rest.strip_prefix('{') else { return vec![(0, word(rest))] };
    let mut words = Vec::new();
    let (mut depth, mut expecting) = (0, true);
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expecting = true,
            c if expecting && (c.is_alphanumeric() || c == '_') => {
                words.push((at + 1, word(&tree[at..])));
                expecting = false;
            }
            _ => {}
        }
    }
    words
}

/// The head of the item that begins at `start`, and where the item ends.
fn item_at(code: &str, start: usize) -> (&str, usize) {
    let head = code[start..].find(['{', ';']).map_or(code.len(), |length| start + length + 1);
    if !code[..head].ends_with('{') {
        return (&code[start..head], head);
    }
    let mut depth = 1;
    for (at, c) in code[head..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&code[start..head], head + at + 1);
        }
    }
    (&code[start..head], code.len())
}

fn blank(code: &mut String, start: usize, end: usize) {
    let blanked: String = code[start..end].chars().map(blank_of).collect();
    code.replace_range(start..end, &blanked);
}

fn blank_of(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// The text with comments, strings and characters blanked; the lines stay.
fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = token_length(rest, code.chars().next_back()).unwrap_or(0);
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(blank_of));
            rest = &rest[length..];
        }
    }
    code
}

/// The length of the comment, string or character at the start of `rest`, if there is one.
fn token_length(rest: &str, before: Option<char>) -> Option<usize> {
    let word_before = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted_length(rest, '"'));
    }
    if rest.starts_with('r') && !word_before {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            return Some(rest[open..].find(&end).map_or(rest.len(), |at| open + at + end.len()));
        }
    }
    if rest.starts_with('\'') {
        // A lifetime has no closing quote after its first letter.
        let mut letters = rest.chars().skip(1);
        let first = letters.next()?;
        return (first == '\\' || letters.next() == Some('\'')).then(|| quoted_length(rest, '\''));
    }
    None
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

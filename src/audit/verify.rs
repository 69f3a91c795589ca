//! Verifying the book: any edited, missing, added or reordered entry is found and named.

use std::collections::{HashMap, HashSet};

use super::chain;
use super::heads::KeptHead;
use super::line::{Act, Body, Head};
use crate::store::audit::{Draft, EntryRow, LogRow, entries, last, logs};
use crate::store::{self, Read};
use crate::types::LogId;

/// Entries read at once.
const PAGE: i64 = 2_000;
/// How many logs before it a new log names.
const NAMED: usize = 64;
/// How many entries at the end of the newest log are checked at every start.
const TAIL: i64 = 20_000;

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("log {log}, entry {idx}: {what}")]
pub struct Finding {
    /// The log.
    pub log: LogId,
    /// The first bad position.
    pub idx: i64,
    /// What is wrong there.
    pub what: &'static str,
}

/// What a complete verification saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Logs read.
    pub logs: usize,
    /// Entries read.
    pub entries: u64,
    /// What is wrong, at most one finding per log.
    pub findings: Vec<Finding>,
}

/// Reads every log from its first entry and checks every link, including those between logs, and every head that was
/// kept apart. `progress` hears how many entries of how many were read.
///
/// # Errors
/// If the shelf cannot be read.
pub fn verify(read: &mut Read, kept: &[KeptHead], mut progress: impl FnMut(u64, u64)) -> Result<Report, store::Error> {
    let mut report = Report::default();
    let mut blamed = HashSet::new();
    let logs = logs(read)?;
    let mut heads = Heads::of(&logs);
    let mut all = 0;
    for log in &logs {
        all += last(read, log.log_id)?.map_or(0, |entry| entry.idx.unsigned_abs() + 1);
    }
    for LogRow { log_id, .. } in &logs {
        report.logs += 1;
        let mut walk = Walk::new(*log_id);
        loop {
            let page = entries(read, *log_id, walk.size, PAGE)?;
            report.entries += page.len() as u64;
            progress(report.entries, all.max(report.entries));
            for entry in &page {
                walk.step(entry);
            }
            if page.is_empty() || walk.finding.is_some() {
                break;
            }
        }
        for (idx, head) in &walk.named {
            // Many logs name the same one; the first to find it changed says so.
            let what = if blamed.contains(&head.log) { None } else { heads.wrong_with(read, head)? };
            if what.is_some() {
                blamed.insert(head.log);
            }
            let finding = what.map(|what| Finding { log: *log_id, idx: *idx, what });
            walk.finding = walk.finding.or(finding);
        }
        report.findings.extend(walk.finding);
    }
    blamed.extend(report.findings.iter().map(|finding| finding.log));
    let missing = missing_since(read, kept)?;
    report.findings.extend(missing.into_iter().filter(|finding| !blamed.contains(&finding.log)));
    Ok(report)
}

/// What is missing of the logs whose heads were kept apart: a log that is gone, was shortened or is another.
///
/// # Errors
/// If the shelf cannot be read.
pub fn missing_since(read: &mut Read, kept: &[KeptHead]) -> Result<Vec<Finding>, store::Error> {
    let mut heads = Heads::of(&logs(read)?);
    let mut findings = Vec::new();
    for KeptHead { log, head } in kept {
        let (idx, what) = match head {
            None => (0, Some("the head kept of it was changed")),
            Some(head) => (head.size - 1, heads.wrong_with(read, head)?.map(kept_apart)),
        };
        findings.extend(what.map(|what| Finding { log: *log, idx, what }));
    }
    Ok(findings)
}

/// The same of a log whose head was kept apart.
fn kept_apart(what: &'static str) -> &'static str {
    match what {
        MISSING => "the log is missing",
        SHORTENED => "the log was shortened",
        _ => "the log was rewritten",
    }
}

const MISSING: &str = "the log before it is missing";
const SHORTENED: &str = "the log before it was shortened";

/// Checks named heads, each once: an ended log is named with the same head by all those after it.
struct Heads {
    logs: HashSet<LogId>,
    checked: HashMap<Head, Option<&'static str>>,
}

impl Heads {
    fn of(logs: &[LogRow]) -> Self {
        Self { logs: logs.iter().map(|log| log.log_id).collect(), checked: HashMap::new() }
    }

    /// Is the log before still what a log says that it was? It may have grown since, where several processes write.
    fn wrong_with(&mut self, read: &mut Read, head: &Head) -> Result<Option<&'static str>, store::Error> {
        if let Some(what) = self.checked.get(head) {
            return Ok(*what);
        }
        let what = if !self.logs.contains(&head.log) {
            Some(MISSING)
        } else if head.size == 0 {
            None
        } else {
            let last = entries(read, head.log, head.size - 1, 1)?.pop().filter(|entry| entry.idx == head.size - 1);
            match last {
                None => Some(SHORTENED),
                Some(entry) if hex::encode(&entry.hash) != head.hash => Some("the log before it was rewritten"),
                Some(_) => None,
            }
        };
        self.checked.insert(head.clone(), what);
        Ok(what)
    }
}

/// The heads of the newest logs, after checking the end of the newest. A new log names them, so that a log that is
/// shortened or rewritten later shows: also that of another node, and one that a crash left behind.
pub(super) fn newest_heads(read: &mut Read) -> Result<Vec<Head>, super::Error> {
    let logs = logs(read)?;
    if let Some(newest) = logs.last() {
        check_end(read, newest.log_id)?;
    }
    let mut heads = Vec::new();
    for log in logs.iter().rev().take(NAMED) {
        if let Some(entry) = last(read, log.log_id)? {
            heads.push(Head { log: log.log_id, size: entry.idx + 1, hash: hex::encode(&entry.hash) });
        }
    }
    Ok(heads)
}

fn check_end(read: &mut Read, log: LogId) -> Result<(), super::Error> {
    let mut walk = Walk::new(log);
    let size = last(read, log)?.map_or(0, |entry| entry.idx + 1);
    if size > TAIL {
        let before = entries(read, log, size - TAIL - 1, 1)?;
        walk.start_after(before.first());
    }
    loop {
        let page = entries(read, log, walk.size, PAGE)?;
        if page.is_empty() {
            return Ok(());
        }
        for entry in &page {
            walk.step(entry);
        }
        if let Some(finding) = walk.finding {
            return Err(super::Error::Broken(finding));
        }
    }
}

/// A walk along one log.
struct Walk {
    log: LogId,
    size: i64,
    head: [u8; 32],
    /// The heads of other logs that entries of this one name, with the entry's position.
    named: Vec<(i64, Head)>,
    finding: Option<Finding>,
}

impl Walk {
    const fn new(log: LogId) -> Self {
        Self { log, size: 0, head: chain::GENESIS, named: Vec::new(), finding: None }
    }

    fn start_after(&mut self, entry: Option<&EntryRow>) {
        if let Some(entry) = entry
            && let Ok(head) = <[u8; 32]>::try_from(entry.hash.as_slice())
        {
            self.size = entry.idx + 1;
            self.head = head;
        }
    }

    fn step(&mut self, entry: &EntryRow) {
        if self.finding.is_some() {
            return;
        }
        match self.read(entry) {
            Ok(body) => self.named.extend(body.previous.into_iter().map(|head| (self.size, head))),
            Err(what) => self.finding = Some(Finding { log: self.log, idx: self.size, what }),
        }
        self.size += 1;
        self.head = <[u8; 32]>::try_from(entry.hash.as_slice()).unwrap_or(chain::GENESIS);
    }

    fn read(&self, entry: &EntryRow) -> Result<Body, &'static str> {
        if entry.idx != self.size {
            return Err("an entry is missing");
        }
        let draft =
            Draft { recorded_at: entry.recorded_at, act: entry.act, body: entry.body.clone(), subjects: Vec::new() };
        if chain::link(self.log, &self.head, entry.idx, &draft).as_slice() != entry.hash {
            return Err("the entry was changed");
        }
        Act::try_from(entry.act).map_err(|_| "the act is unknown")?;
        serde_json::from_slice(&entry.body).map_err(|_| "the entry is unreadable")
    }
}

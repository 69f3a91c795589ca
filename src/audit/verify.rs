//! Verifying the book: any edited, missing, added or reordered entry is found and named.

use super::chain;
use super::line::{Act, Body, Head};
use crate::store::audit::{Draft, EntryRow, LogRow, entries, logs};
use crate::store::{self, Read};
use crate::types::LogId;

/// Entries read at once.
const PAGE: i64 = 2_000;
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

/// Reads every log from its first entry and checks every link, including those between logs.
///
/// # Errors
/// If the shelf cannot be read.
pub fn verify(read: &mut Read) -> Result<Report, store::Error> {
    let mut report = Report::default();
    let logs = logs(read)?;
    for LogRow { log_id, .. } in &logs {
        report.logs += 1;
        let mut walk = Walk::new(*log_id);
        loop {
            let page = entries(read, *log_id, walk.size, PAGE)?;
            report.entries += page.len() as u64;
            for entry in &page {
                walk.step(entry);
            }
            if page.is_empty() || walk.finding.is_some() {
                break;
            }
        }
        for (idx, head) in &walk.named {
            let what = wrong_with_head(read, head, &logs)?;
            let finding = what.map(|what| Finding { log: *log_id, idx: *idx, what });
            walk.finding = walk.finding.or(finding);
        }
        report.findings.extend(walk.finding);
    }
    Ok(report)
}

/// Is the log before still what a log says that it was? It may have grown since, where several processes write.
fn wrong_with_head(read: &mut Read, head: &Head, logs: &[LogRow]) -> Result<Option<&'static str>, store::Error> {
    if logs.iter().all(|log| log.log_id != head.log) {
        return Ok(Some("the log before it is missing"));
    }
    if head.size == 0 {
        return Ok(None);
    }
    let last = entries(read, head.log, head.size - 1, 1)?.pop().filter(|entry| entry.idx == head.size - 1);
    Ok(match last {
        None => Some("the log before it was shortened"),
        Some(entry) if hex::encode(&entry.hash) != head.hash => Some("the log before it was rewritten"),
        Some(_) => None,
    })
}

/// The head of the newest log, after checking its end.
pub(super) fn newest_head(read: &mut Read) -> Result<Option<Head>, super::Error> {
    let Some(newest) = logs(read)?.pop() else { return Ok(None) };
    let mut walk = Walk::new(newest.log_id);
    let size = size_of(read, newest.log_id)?;
    if size > TAIL {
        let before = entries(read, newest.log_id, size - TAIL - 1, 1)?;
        walk.start_after(before.first());
    }
    loop {
        let page = entries(read, newest.log_id, walk.size, PAGE)?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            walk.step(entry);
        }
        if let Some(finding) = walk.finding {
            return Err(super::Error::Broken(finding));
        }
    }
    Ok(Some(Head { log: newest.log_id, size: walk.size, hash: hex::encode(walk.head) }))
}

fn size_of(read: &mut Read, log: LogId) -> Result<i64, store::Error> {
    // Positions have no gaps, so the size can be found by halving.
    let (mut low, mut high) = (0, 1);
    while !entries(read, log, high, 1)?.is_empty() {
        (low, high) = (high, high * 2);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if entries(read, log, middle, 1)?.is_empty() { high = middle } else { low = middle + 1 }
    }
    Ok(low)
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

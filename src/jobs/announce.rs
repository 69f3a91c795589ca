//! Following the ledger: what people said becomes messages for whoever subscribed, and a no takes people off the audiences they
//! were handed to.
//!
//! Entries are found by their number, which grows. Numbers are made before their transaction commits, and other nodes have
//! clocks of their own; so the last two minutes are read again and again, and what is announced already stays as it is. One
//! node follows; how far it is stands with its lease. What was said before the first start is no news.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::consent::{Act, ledger};
use crate::store::jobs::{self, JobRow};
use crate::store::messages::{self, News};
use crate::store::rows::LedgerRow;
use crate::store::{self, Store, Write, audiences, ledger as entries, subjects};
use crate::types::{Clock, EntropyFailure, IdMaker, Timestamp};

/// The name of the job.
const KIND: &str = "announce";
/// How often it is looked what was said.
const CHECK: Duration = Duration::from_secs(1);
/// How long a node that says nothing more is thought to be at it.
const LEASE: i64 = 30 * Timestamp::SECOND;
/// How far numbers may be out of order: two minutes of them (see `types::IdMaker::record_no`).
const OVERLAP: i64 = (120 * Timestamp::SECOND) << 10;
/// Entries read in one step.
const PAGE: i64 = 500;

/// A failure; the next look tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the ledger could not be followed")]
    Store(#[from] store::Error),
    /// No randomness to name this process.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

impl store::Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}

/// The job of one process.
pub struct Announcer {
    store: Store,
    ids: Arc<IdMaker>,
    clock: Arc<dyn Clock>,
    owner: [u8; 16],
    seen: std::sync::Mutex<BTreeSet<i64>>,
}

impl Announcer {
    /// The job of one process.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(store: Store, ids: Arc<IdMaker>, clock: Arc<dyn Clock>) -> Result<Self, EntropyFailure> {
        let owner = *ids.uuid()?.as_bytes();
        Ok(Self { store, ids, clock, owner, seen: std::sync::Mutex::default() })
    }

    /// Announces what was said since the last look. Nothing if another node follows, or nobody subscribed.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn look(&self) -> Result<usize, Error> {
        let look = |read: &mut store::Read| {
            let subscribed =
                !messages::subscribers(read.records())?.is_empty() || !audiences::all(read.records())?.is_empty();
            Ok::<_, store::Error>((subscribed, jobs::find(read.records(), KIND)?))
        };
        let (subscribed, row) = self.store.read(look).await?;
        if !subscribed {
            return Ok(0);
        }
        let now = self.clock.now();
        let row = match row {
            Some(row) if row.lease_owner != self.owner && row.lease_until > now => return Ok(0),
            Some(row) => row,
            None => self.begin(now).await?,
        };
        let reached = row.reached.first_chunk().map_or(i64::MAX, |bytes| i64::from_be_bytes(*bytes));
        let floor: i64 = row.outcome.parse().unwrap_or(0);
        let from = reached.saturating_sub(OVERLAP).max(floor);
        let (mut after, mut news) = (from, 0);
        loop {
            let page = self.store.read(move |read| entries::since(read.records(), after, PAGE)).await?;
            let Some(last) = page.last().map(|entry| entry.entry_no) else { break };
            after = last;
            let fresh = self.unseen(page);
            if fresh.is_empty() {
                continue;
            }
            let count = fresh.len();
            if !self.tell(fresh, (last.max(reached), floor), now).await? {
                break;
            }
            news += count;
        }
        self.forget(from);
        Ok(news)
    }

    /// What was said before is no news.
    async fn begin(&self, now: Timestamp) -> Result<JobRow, Error> {
        let number = self.ids.record_no().0;
        let row = self.row((number, number), now);
        Ok(self
            .store
            .write(move |write| Ok::<_, store::Error>(jobs::take(write, &row, now)?.unwrap_or_else(|| row.clone())))
            .await?)
    }

    /// False if another node follows: then nothing is written.
    async fn tell(&self, fresh: Vec<LedgerRow>, reached: (i64, i64), now: Timestamp) -> Result<bool, Error> {
        let row = self.row(reached, now);
        let numbers: Vec<i64> = fresh.iter().map(|entry| entry.entry_no).collect();
        let told = self.store.write(move |write| {
            let ours = jobs::take(write, &row, now)?.is_some();
            if ours {
                fresh.iter().try_for_each(|entry| announce(write, entry, now))?;
                jobs::renew(write, &row)?;
            }
            Ok::<_, store::Error>(ours)
        });
        let told = told.await;
        if !matches!(told, Ok(true)) {
            let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            numbers.iter().for_each(|number| {
                seen.remove(number);
            });
        }
        Ok(told?)
    }

    /// How far it is, and where it began.
    fn row(&self, (reached, floor): (i64, i64), now: Timestamp) -> JobRow {
        JobRow {
            kind: KIND.to_owned(),
            lease_owner: self.owner.to_vec(),
            lease_until: now.plus(LEASE),
            reached: reached.to_be_bytes().to_vec(),
            begun_at: now,
            ended_at: Timestamp::UNSET,
            outcome: floor.to_string(),
        }
    }

    fn unseen(&self, page: Vec<LedgerRow>) -> Vec<LedgerRow> {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        page.into_iter().filter(|entry| seen.insert(entry.entry_no)).collect()
    }

    fn forget(&self, before: i64) {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *seen = seen.split_off(&before);
    }
}

fn announce(write: &mut Write<'_>, row: &LedgerRow, now: Timestamp) -> Result<(), store::Error> {
    let entry = ledger::entry(row)?;
    let topic = match entry.act {
        Act::Withdrawn | Act::Denied => messages::WITHDRAWN,
        Act::Objected => messages::OBJECTED,
        Act::Restricted | Act::RestrictionLifted => messages::RESTRICTED,
        Act::Granted | Act::ObjectionLifted => messages::CHANGED,
    };
    let mut people = vec![row.subject_id];
    people.extend(subjects::merged_into(write.records(), row.subject_id)?);
    let news = News {
        id: News::id_of(&[b"ledger", &row.entry_no.to_be_bytes()]),
        topic,
        at: entry.at,
        subjects: people,
        into: Vec::new(),
        purpose: entry.purpose.as_ref().map(crate::types::PurposeCode::as_str),
        channel: entry.channel.map(crate::types::Channel::word),
        act: Some(entry.act.word()),
    };
    if entry.act.is_no() {
        audiences::take_off(write, &news.subjects, news.purpose, now)?;
    }
    messages::announce(write, &news, now)
}

/// Follows for as long as it is polled.
pub async fn keep_announcing(announcer: Arc<Announcer>) {
    loop {
        tokio::time::sleep(CHECK).await;
        if let Err(error) = announcer.look().await {
            tracing::warn!(error = ?error, "what people said could not be announced yet; it is tried again");
        }
    }
}

//! Following the ledger: what people said becomes messages for whoever subscribed, a no takes people off the audiences they
//! were handed to, and the vendors of sources are told of it (`jobs::unsubscribe`), but for the one that told it.
//!
//! Entries are found by their number, which grows. Numbers are made before their transaction commits, and other nodes have
//! clocks of their own; so the last two minutes are read again and again, and what is announced already stays as it is. One
//! node follows; how far it is stands with its lease. A subscriber is told what is recorded from its making on, whether a node
//! follows by then or not: where following begins is written with the first subscriber.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::connect::Vendors;
use crate::consent::{Act, ledger};
use crate::store::connection::Connection;
use crate::store::connections::{self, ConnectionRow};
use crate::store::jobs::{self, JobRow};
use crate::store::messages::{self, News};
use crate::store::rows::LedgerRow;
use crate::store::subscribers::{self, SubscriberRow};
use crate::store::{self, Store, Write, audiences, ledger as entries, subjects, unsubscriptions};
use crate::types::{Clock, EntropyFailure, IdMaker, PurposeCode, SourceNo, Timestamp};

/// The name of the job.
const KIND: &str = "announce";
/// How often it is looked what was said.
const CHECK: Duration = Duration::from_secs(1);
/// How long a node that says nothing more is thought to be at it.
const LEASE: i64 = 30 * Timestamp::SECOND;
/// How late a statement may come to stand in the ledger after its own time: transactions take a while, and nodes have clocks of
/// their own.
pub(super) const LATE: i64 = 120 * Timestamp::SECOND;
/// How far numbers may be out of order: two minutes of them (see `types::IdMaker::record_no`).
const OVERLAP: i64 = LATE << 10;
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
    vendors: Option<Arc<Vendors>>,
    seen: std::sync::Mutex<BTreeSet<i64>>,
}

impl Announcer {
    /// The job of one process.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(store: Store, ids: Arc<IdMaker>, clock: Arc<dyn Clock>) -> Result<Self, EntropyFailure> {
        let owner = *ids.uuid()?.as_bytes();
        Ok(Self { store, ids, clock, owner, vendors: None, seen: std::sync::Mutex::default() })
    }

    /// The same, which also has these vendors told of a no.
    #[must_use]
    pub fn telling(self, vendors: Arc<Vendors>) -> Self {
        Self { vendors: Some(vendors), ..self }
    }

    /// Makes a subscriber, or puts another in its place. The first one begins the following here and now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn subscribe(&self, row: SubscriberRow) -> Result<(), Error> {
        let (start, follows) = (self.start(), !self.targets().await?.is_empty());
        let kept = self.store.write(move |write| {
            begin(write, &start, follows)?;
            subscribers::put(write, &row)
        });
        Ok(kept.await?)
    }

    /// Follows what people say from here and now on, if nothing made it follow before: a no takes them off audiences.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn follow(&self) -> Result<(), Error> {
        let (start, follows) = (self.start(), !self.targets().await?.is_empty());
        Ok(self.store.write(move |write| begin(write, &start, follows)).await?)
    }

    /// Where following begins when it begins now.
    fn start(&self) -> JobRow {
        // Numbers of other clocks, and of transactions that are not over, may be lower.
        let number = self.ids.record_no().0.saturating_sub(OVERLAP);
        let row = self.row((number, number), self.clock.now());
        JobRow { lease_owner: Vec::new(), lease_until: Timestamp::UNSET, ..row }
    }

    /// Announces what was said since the last look. Nothing if another node follows, or nobody subscribed.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn look(&self) -> Result<usize, Error> {
        let look = |read: &mut store::Read| {
            Ok::<_, store::Error>((is_wanted(read.records())?, jobs::find(read.records(), KIND)?))
        };
        let (subscribed, row) = self.store.read(look).await?;
        let targets = self.targets().await?;
        if !subscribed && targets.is_empty() {
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
            if !self.tell(fresh, &targets, (last.max(reached), floor), now).await? {
                break;
            }
            news += count;
        }
        self.forget(from);
        Ok(news)
    }

    /// The connected sources whose vendors can be told of a no, and for which purposes.
    async fn targets(&self) -> Result<Vec<Target>, Error> {
        let Some(vendors) = &self.vendors else { return Ok(Vec::new()) };
        let connected = self.store.read(|read| connections::all(read.records())).await?;
        let edition = vendors.rulebook.edition();
        let target = |row: &ConnectionRow| {
            let connector = vendors.catalog.connector(&edition.source(row.source_no)?.connector).ok()?;
            Some((row.source_no, connector.unsubscribe()?.purposes().to_vec()))
        };
        Ok(connected.iter().filter_map(target).collect())
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
    async fn tell(
        &self,
        fresh: Vec<LedgerRow>,
        targets: &[Target],
        reached: (i64, i64),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let targets = targets.to_vec();
        let row = self.row(reached, now);
        let numbers: Vec<i64> = fresh.iter().map(|entry| entry.entry_no).collect();
        let told = self.store.write(move |write| {
            let ours = jobs::take(write, &row, now)?.is_some();
            if ours {
                announce(write, &fresh, &targets, now)?;
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

/// A source whose vendor can be told of a no, and for which purposes.
type Target = (SourceNo, Vec<PurposeCode>);

/// Is there anybody for whom to follow?
fn is_wanted(records: &mut Connection) -> Result<bool, store::Error> {
    Ok(!subscribers::all(records)?.is_empty() || !audiences::all(records)?.is_empty())
}

/// Begins where `start` says, if nobody followed for anybody until now.
fn begin(write: &mut Write<'_>, start: &JobRow, follows: bool) -> Result<(), store::Error> {
    if follows || is_wanted(write.records())? { Ok(()) } else { jobs::begin(write, start) }
}

/// Takes off audiences who said no, and tells of these entries whoever subscribed before they were recorded. One that this version
/// cannot read is stepped over: it must not keep the others from being told.
fn announce(write: &mut Write<'_>, rows: &[LedgerRow], targets: &[Target], now: Timestamp) -> Result<(), store::Error> {
    let subscribers = subscribers::all(write.records())?;
    let mut merged = BTreeMap::new();
    for row in rows {
        let entry = match ledger::entry(row) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(error = ?error, entry = row.entry_no, "a statement cannot be read and is not announced");
                continue;
            }
        };
        let topic = match entry.act {
            Act::Withdrawn | Act::Denied => messages::WITHDRAWN,
            Act::Objected => messages::OBJECTED,
            Act::Restricted | Act::RestrictionLifted => messages::RESTRICTED,
            Act::Granted | Act::ObjectionLifted => messages::CHANGED,
        };
        let also = match merged.entry(row.subject_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(subjects::merged_into(write.records(), row.subject_id)?),
        };
        let news = News {
            id: News::id_of(&[b"ledger", &row.entry_no.to_be_bytes()]),
            topic,
            at: entry.at,
            subjects: std::iter::once(row.subject_id).chain(also.iter().copied()).collect(),
            into: Vec::new(),
            purpose: entry.purpose.as_ref().map(crate::types::PurposeCode::as_str),
            channel: entry.channel.map(crate::types::Channel::word),
            act: Some(entry.act.word()),
        };
        // A restriction is no withdrawal: it is lifted again, and nobody subscribed anew by that.
        if entry.act.is_no() {
            let refuse = !entry.act.is_restriction();
            audiences::take_off(write, &news.subjects, (news.purpose, news.channel), refuse, now)?;
        }
        if entry.act.is_no() && !entry.act.is_restriction() {
            for (source, purposes) in targets.iter().filter(|(source, _)| *source != row.source_no) {
                for purpose in purposes.iter().filter(|purpose| entry.purpose.as_ref().is_none_or(|of| of == *purpose))
                {
                    unsubscriptions::want(write, *source, (row.subject_id, purpose.as_str()), row.entry_no, now)?;
                }
            }
        }
        let there = subscribers.iter().filter(|subscriber| subscriber.created_at <= entry.recorded_at);
        messages::tell(write, there, &news, now)?;
    }
    Ok(())
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

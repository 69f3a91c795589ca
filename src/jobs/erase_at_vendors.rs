//! Making the vendors of connected sources forget whoever is erased here (Art. 17, 19 GDPR).
//!
//! ```text
//! errand sealed with the mark → due → lease taken → [ opened → vendor asked → looked again ] → final: errand destroyed
//!                                ↑                                              │ failed
//!                                └───────── later and later, for 30 days ───────┘
//! ```
//!
//! The errands are rows of `store::source_erasures`; `rights::errand` makes and ends them. One node is at each. A process that
//! dies leaves a lease that ends by itself, and the vendor is asked again: that is harmless. What a vendor cannot do, or
//! does not do in time, is left to the officer as `manual_task`, and never called done.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::sync::pause_after;
use crate::audit::{self, Act, Book, Line};
use crate::connect::{Erase, Erasure, Leaves, NoSession, Person, Session, StepReport, Vendors};
use crate::gateway::Disclosure;
use crate::rights::{self, NOTHING_FOUND, Rights};
use crate::store::source_erasures::{self, SourceErasureRow};
use crate::store::{self, Store};
use crate::types::{Category, EntropyFailure, IdMaker, RequestId, Timestamp};

/// How long a process that says nothing more is thought to be at it.
const LEASE: i64 = 60 * Timestamp::SECOND;
/// How often it says something.
const BEAT: Duration = Duration::from_secs(15);
/// How often it is looked what is due.
const CHECK: Duration = Duration::from_secs(2);
/// Vendors asked at once by one node.
const AT_ONCE: usize = 4;
/// Rows looked at in one step.
const PAGE: i64 = 64;
/// Days after which a vendor that still fails is left to the officer: the person is to be answered within a month.
const PATIENCE: i32 = 30;

/// A failure of the hub; a vendor's is in the report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("an erasure at a vendor could not be read or written down")]
    Store(#[from] store::Error),
    /// The errand could not be opened or ended.
    #[error("what the vendor must be told could not be opened or destroyed")]
    Rights(#[from] rights::Error),
    /// The audit line is not durable.
    #[error("the step could not be recorded")]
    Audit(#[from] audit::Error),
    /// No randomness to name this run.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// Another process took over, because this one was silent for too long.
    #[error("another process took the erasure over")]
    Overtaken,
}

/// The job of one process.
pub struct VendorErasures {
    /// Whom to ask.
    pub vendors: Arc<Vendors>,
    /// Who keeps what they must be told.
    pub rights: Arc<Rights>,
    /// What is to be done.
    pub store: Store,
    /// Where it is written down.
    pub book: Arc<Book>,
    /// Names for runs.
    pub ids: Arc<IdMaker>,
}

/// Asks every vendor when it is due, for as long as it is polled.
pub async fn keep_erasing(erasures: Arc<VendorErasures>) {
    let mut running = FuturesUnordered::new();
    let mut busy = Vec::new();
    loop {
        tokio::select! {
            Some(done) = running.next(), if !running.is_empty() => busy.retain(|source| *source != done),
            () = tokio::time::sleep(CHECK) => {
                for row in erasures.due().await {
                    // One at a time for each vendor: its windows are narrow.
                    if busy.len() < AT_ONCE && !busy.contains(&row.source_no) {
                        busy.push(row.source_no);
                        let erasures = &erasures;
                        running.push(async move {
                            let source = row.source_no;
                            if let Err(error) = erasures.ask(&row).await {
                                tracing::error!(error = ?error, "an erasure at a vendor failed and is tried again");
                            }
                            source
                        });
                    }
                }
            }
        }
    }
}

impl VendorErasures {
    /// Asks the vendors of one request now, whether they are due or not.
    ///
    /// # Errors
    /// If the hub fails; what a vendor answers is in the request.
    pub async fn ask_all_of(&self, request: RequestId) -> Result<(), Error> {
        let rows = self.store.read(move |read| source_erasures::of(read.records(), request)).await?;
        for row in rows.iter().filter(|row| row.state == SourceErasureRow::WAITS) {
            self.ask(row).await?;
        }
        Ok(())
    }

    async fn due(&self) -> Vec<SourceErasureRow> {
        let now = self.now();
        match self.store.read(move |read| source_erasures::due(read.records(), now, PAGE)).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(error = ?error, "it could not be looked which vendors are to be asked");
                Vec::new()
            }
        }
    }

    /// Asks one vendor once. Nothing is done if somebody else is at it.
    ///
    /// # Errors
    /// If the hub fails; then it is tried again when the lease is over.
    pub async fn ask(&self, row: &SourceErasureRow) -> Result<(), Error> {
        let owner = self.ids.uuid()?.as_bytes().to_vec();
        let (this, named, now) = ((row.request_id, row.source_no), owner.clone(), self.now());
        let taken =
            self.store.write(move |write| source_erasures::take(write, this, &named, now.plus(LEASE), now)).await?;
        let Some(row) = taken else { return Ok(()) };
        let before: Option<Erasure> = serde_json::from_str(&row.report).ok();
        let report = {
            let work = self.tell(&row, before);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => break done?,
                    () = tokio::time::sleep(BEAT) => self.beat(&owner, &row).await?,
                }
            }
        };
        let now = self.now();
        let tired = row.asked_at.plus_days(i64::from(PATIENCE)) <= now;
        let attempts = row.attempts.saturating_add(1);
        let next = SourceErasureRow {
            attempts,
            changed_at: now,
            next_at: now.plus(pause_after(attempts) * Timestamp::SECOND),
            report: serde_json::to_string(&report).unwrap_or_default(),
            ..row
        };
        if is_open(&report) && !tired {
            tracing::warn!(attempts, "a vendor has not forgotten somebody yet and is asked again");
            let next = SourceErasureRow { lease_owner: Vec::new(), lease_until: Timestamp::UNSET, ..next };
            let ours = self.store.write(move |write| source_erasures::step(write, &owner, &next)).await?;
            return if ours { Ok(()) } else { Err(Error::Overtaken) };
        }
        let word = report.leaves.map_or(NOTHING_FOUND, Leaves::word);
        if self.rights.end_errand(&owner, &next, word).await? { Ok(()) } else { Err(Error::Overtaken) }
    }

    async fn beat(&self, owner: &[u8], row: &SourceErasureRow) -> Result<(), Error> {
        let row = SourceErasureRow { lease_until: self.now().plus(LEASE), ..row.clone() };
        let owner = owner.to_vec();
        let ours = self.store.write(move |write| source_erasures::step(write, &owner, &row)).await?;
        if ours { Ok(()) } else { Err(Error::Overtaken) }
    }

    /// What the vendor says, now and before.
    async fn tell(&self, row: &SourceErasureRow, before: Option<Erasure>) -> Result<Erasure, Error> {
        let code = self.vendors.rulebook.edition().source(row.source_no).map(|source| source.code.clone());
        let Some(code) = code else { return Ok(by_hand("The source is not configured any more.")) };
        let session = match self.vendors.session(&code).await {
            Ok(session) => session,
            Err(NoSession::NoSource(_) | NoSession::NotConnected(_)) => {
                return Ok(by_hand("The source is not connected any more."));
            }
            Err(NoSession::Connector(_)) => return Ok(by_hand("This version has no such connector.")),
            Err(cause) => return Ok(again(before, unreached(&cause.to_string()), None)),
        };
        let connector = session.connector().clone();
        let Some(erase) = connector.erase() else {
            return Ok(by_hand("The connector cannot make the vendor forget anybody."));
        };
        // The line first: what is done at the vendor must be on record even if this process ends.
        let line = Line::new(Act::RecipientTold).for_request(row.request_id).to(format!("source {code}"));
        self.book.note(line.object("erasure").reasons(vec!["intended".to_owned()])).await?;
        let Some(errand) = self.rights.open_errand(row).await? else {
            return Ok(by_hand("What the vendor had to be told is not kept any more."));
        };
        let report = told(erase, &session, &people(&errand), row.withheld).await;
        Ok(again(before, report, Some(erase)))
    }

    fn now(&self) -> Timestamp {
        self.vendors.surroundings.clock.now()
    }
}

/// Asks the vendor by everything it is known to know the person by.
async fn told(erase: &Erase, session: &Session, people: &[Person], withheld: i32) -> Erasure {
    let mut whole = None;
    for person in people {
        let report = erase.run(session, person).await;
        whole = Some(match whole {
            Some(before) => both(before, report),
            None => report,
        });
    }
    let nobody = Person::default();
    let mut whole = match whole {
        Some(whole) => whole,
        // What a connector without steps says does not depend on the person.
        None => erase.run(session, &nobody).await,
    };
    let unasked = (people.is_empty() && !whole.steps.is_empty()).then_some(0);
    if let Some(found) = u32::try_from(withheld).ok().filter(|found| *found > 0).or(unasked) {
        whole.steps.push(StepReport {
            name: "values that are not told".to_owned(),
            found,
            leaves: Some(Leaves::ManualTask),
            verified: None,
            failure: Some(WITHHELD.to_owned()),
        });
        whole.leaves = whole.leaves.max(Some(Leaves::ManualTask));
    }
    whole
}

/// Why a value is not told.
const WITHHELD: &str =
    "the person is known there by values that are also somebody else's, or by none; look there by hand";

/// Is there anything the vendor may still do?
fn is_open(report: &Erasure) -> bool {
    let failed = |step: &StepReport| step.failure.as_deref().is_some_and(|why| why != WITHHELD);
    report.steps.iter().any(|step| failed(step) || step.verified == Some(false))
}

/// What came of asking by one value and by another: the worse of both.
fn both(one: Erasure, other: Erasure) -> Erasure {
    let Erasure { note, leaves, mut steps } = other;
    for old in one.steps {
        match steps.iter_mut().find(|step| step.name == old.name) {
            Some(step) => {
                step.found = step.found.saturating_add(old.found);
                step.leaves = step.leaves.max(old.leaves);
                step.verified = match (step.verified, old.verified) {
                    (Some(one), Some(other)) => Some(one && other),
                    (one, other) => one.or(other),
                };
                step.failure = step.failure.take().or(old.failure);
            }
            None => steps.push(old),
        }
    }
    Erasure { note, leaves: leaves.max(one.leaves), steps }
}

/// What came of asking again. What was found before and is not any more was done then, whatever was said of it.
fn again(before: Option<Erasure>, after: Erasure, erase: Option<&Erase>) -> Erasure {
    let Some(before) = before else { return after };
    let Erasure { note, leaves, mut steps } = after;
    for old in before.steps.into_iter().filter(|old| old.name != UNREACHED) {
        match steps.iter_mut().find(|step| step.name == old.name) {
            Some(step) => {
                if step.failure.is_none() && step.found == 0 && old.found > 0 {
                    step.leaves = erase.and_then(|erase| erase.leaves_of(&step.name));
                    step.verified = Some(true);
                }
                step.found = step.found.max(old.found);
            }
            None => steps.push(old),
        }
    }
    let worst = steps.iter().filter_map(|step| step.leaves).max();
    Erasure { note, leaves: worst.or(leaves), steps }
}

/// The name of a step that never came to its call.
const UNREACHED: &str = "connection";

fn unreached(why: &str) -> Erasure {
    let step = StepReport {
        name: UNREACHED.to_owned(),
        found: 0,
        leaves: Some(Leaves::ManualTask),
        verified: None,
        failure: Some(why.to_owned()),
    };
    Erasure { note: String::new(), leaves: Some(Leaves::ManualTask), steps: vec![step] }
}

fn by_hand(note: &str) -> Erasure {
    Erasure { note: format!("{note} Do it there by hand."), leaves: Some(Leaves::ManualTask), steps: Vec::new() }
}

/// By what the vendor knows the person. A step looks by one value, so each list is gone through.
#[expect(clippy::disallowed_methods, reason = "they go to the vendor that told of them, to be forgotten there")]
fn people(errand: &Disclosure) -> Vec<Person> {
    let list = |category: Category, name: &str| -> Vec<String> {
        let parts = errand.records().iter().filter_map(|record| record.part(category));
        let values = parts.filter_map(|part| Some(part.look().get(name)?.as_array()?.clone()));
        values.flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    let (emails, phones) = (list(Category::Contact, "emails"), list(Category::Contact, "phones"));
    let numbers = list(Category::Identity, "customer_numbers");
    let (email_digests, phone_digests) =
        (list(Category::Contact, "emails_sha256"), list(Category::Contact, "phones_sha256"));
    let mut accounts = list(Category::Identity, "accounts");
    accounts.extend(list(Category::Social, "accounts"));
    let lists = [&emails, &phones, &numbers, &accounts, &email_digests, &phone_digests];
    let most = lists.into_iter().map(Vec::len).max().unwrap_or(0);
    (0..most)
        .map(|at| Person {
            email: emails.get(at).cloned(),
            phone: phones.get(at).cloned(),
            customer_number: numbers.get(at).cloned(),
            account: accounts.get(at).cloned(),
            email_sha256: email_digests.get(at).cloned(),
            phone_sha256: phone_digests.get(at).cloned(),
        })
        .collect()
}

#[cfg(test)]
mod tests;

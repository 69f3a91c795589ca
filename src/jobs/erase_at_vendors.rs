//! Making the vendors of connected sources forget whoever is erased here (Art. 17, 19 GDPR).
//!
//! ```text
//! errand sealed with the mark → due → lease taken → [ opened → vendor asked → looked again ] → answer written down
//!                                ↑                                              │ failed            → audit line, certificate
//!                                └───────── later and later, for 30 days ───────┘                   → final: errand destroyed
//! ```
//!
//! The errands are rows of `store::source_erasures`; `rights::errand` makes and ends them. One node is at each. A process that
//! dies leaves a lease that ends by itself, and the vendor is asked again: that is harmless. What a vendor cannot do, or
//! does not do in time, is left to the officer as `manual_task`, and never called done. A connector of which nobody can be asked
//! says at once what its manifest says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::sync::pause_after;
use crate::audit::{self, Act, Book, Line};
use crate::connect::{Connector, Erase, Erasure, Leaves, NoSession, Person, Session, StepReport, Vendors};
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
/// Rows of each source looked at in one step.
const PAGE: i64 = 16;
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
        for row in rows.iter().filter(|row| row.state != SourceErasureRow::FINAL) {
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
        if row.state == SourceErasureRow::ANSWERED {
            return self.end(&owner, &row, before.as_ref()).await;
        }
        let answer = {
            let work = self.tell(&row, before.clone());
            tokio::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => break done,
                    () = tokio::time::sleep(BEAT) => self.beat(&owner, &row).await?,
                }
            }
        };
        let Answer { report, is_final } = answer.unwrap_or_else(|error| {
            tracing::error!(error = ?error, "the hub failed at an erasure at a vendor");
            Answer { report: again(before, unreached(OWN_FAULT), None), is_final: false }
        });
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
        if is_open(&report) && !is_final && !tired {
            tracing::warn!(attempts, "a vendor has not forgotten somebody yet and is asked again");
            let next = SourceErasureRow { lease_owner: Vec::new(), lease_until: Timestamp::UNSET, ..next };
            let ours = self.store.write(move |write| source_erasures::step(write, &owner, &next)).await?;
            return if ours { Ok(()) } else { Err(Error::Overtaken) };
        }
        let next = SourceErasureRow { next_at: now, ..next };
        if !self.rights.note_answer(&owner, &next).await? {
            return Err(Error::Overtaken);
        }
        self.end(&owner, &next, Some(&report)).await
    }

    /// The answer is written down; now it counts everywhere, and what the vendor was told is destroyed.
    async fn end(&self, owner: &[u8], row: &SourceErasureRow, report: Option<&Erasure>) -> Result<(), Error> {
        let word = report.and_then(|report| report.leaves).map_or(NOTHING_FOUND, Leaves::word);
        if self.rights.end_errand(owner, row, word).await? { Ok(()) } else { Err(Error::Overtaken) }
    }

    async fn beat(&self, owner: &[u8], row: &SourceErasureRow) -> Result<(), Error> {
        let row = SourceErasureRow { lease_until: self.now().plus(LEASE), ..row.clone() };
        let owner = owner.to_vec();
        let ours = self.store.write(move |write| source_erasures::step(write, &owner, &row)).await?;
        if ours { Ok(()) } else { Err(Error::Overtaken) }
    }

    /// What the vendor says, now and before.
    async fn tell(&self, row: &SourceErasureRow, before: Option<Erasure>) -> Result<Answer, Error> {
        let source = self.vendors.rulebook.edition().source(row.source_no).cloned();
        let Some(source) = source else { return Ok(by_hand("The source is not configured any more.", before)) };
        let code = source.code.clone();
        // A node of another version may know it.
        let connector = match self.vendors.catalog.connector(&source.connector) {
            Ok(connector) => connector.clone(),
            Err(_) => return Ok(failed(before, NO_CONNECTOR)),
        };
        if let Some(said) = without_asking(&connector) {
            return Ok(Answer { report: again(before, said, None), is_final: true });
        }
        let session = match self.vendors.session(&code).await {
            Ok(session) => session,
            Err(NoSession::NoSource(_) | NoSession::NotConnected(_)) => {
                return Ok(by_hand("The source is not connected any more.", before));
            }
            Err(NoSession::Connector(_)) => return Ok(failed(before, NO_CONNECTOR)),
            Err(cause) => return Ok(failed(before, &cause.to_string())),
        };
        let Some(erase) = connector.erase() else { return Ok(by_hand(CANNOT, before)) };
        // The line first: what is done at the vendor must be on record even if this process ends.
        let line = Line::new(Act::RecipientTold).for_request(row.request_id).to(format!("source {code}"));
        self.book.note(line.object("erasure").reasons(vec!["intended".to_owned()])).await?;
        let Some(errand) = self.rights.open_errand(row).await? else {
            return Ok(by_hand("What the vendor had to be told is not kept any more.", before));
        };
        let (people, others) = self.people(row, &errand).await?;
        let report = told(erase, &session, &people, row.withheld.saturating_add(others)).await;
        Ok(Answer { report: again(before, report, Some(erase)), is_final: false })
    }

    /// By what the vendor knows the person, without what somebody who lives has by now, and how much that is. A step looks by one
    /// value, so each list is gone through.
    async fn people(&self, row: &SourceErasureRow, errand: &Disclosure) -> Result<(Vec<Person>, i32), Error> {
        let (mut lists, mut others) = (Vec::new(), 0_i32);
        for (category, name) in LISTS {
            let mut told = Vec::new();
            for value in listed(errand, category, name) {
                let is_digest = [EMAIL_DIGESTS, PHONE_DIGESTS].contains(&name);
                if !is_digest && self.rights.is_somebodys(row.source_no, name, &value).await? {
                    others = others.saturating_add(1);
                } else {
                    told.push(value);
                }
            }
            lists.push(told.into_iter());
        }
        let mut people = Vec::new();
        loop {
            let mut next = lists.iter_mut().map(Iterator::next);
            let person = Person {
                email: next.next().flatten(),
                phone: next.next().flatten(),
                customer_number: next.next().flatten(),
                email_sha256: next.next().flatten(),
                phone_sha256: next.next().flatten(),
                account: next.next().flatten().or_else(|| next.next().flatten()),
            };
            if is_nobody(&person) {
                return Ok((people, others));
            }
            people.push(person);
        }
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
        // Each step says that it was not looked for.
        None => erase.run(session, &nobody).await,
    };
    if let Some(found) = u32::try_from(withheld).ok().filter(|found| *found > 0) {
        whole.steps.push(StepReport {
            name: "values that are not told".to_owned(),
            found,
            leaves: Some(Leaves::ManualTask),
            verified: None,
            failure: Some(WITHHELD.to_owned()),
            unasked: true,
        });
        whole.leaves = whole.leaves.max(Some(Leaves::ManualTask));
    }
    whole
}

/// Why a value is not told.
const WITHHELD: &str = "the person is known there by values that are also somebody else's; look there by hand";

/// Is there anything the vendor may still do?
fn is_open(report: &Erasure) -> bool {
    report.steps.iter().any(|step| (step.failure.is_some() && !step.unasked) || step.verified == Some(false))
}

/// What came of asking by one value and by another: the worse of both. What was not looked for by the one was by the other.
fn both(one: Erasure, other: Erasure) -> Erasure {
    let Erasure { note, mut steps, .. } = other;
    for old in one.steps {
        match steps.iter_mut().find(|step| step.name == old.name) {
            Some(_) if old.unasked => {}
            Some(step) if step.unasked => *step = old,
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
    let leaves = steps.iter().filter_map(|step| step.leaves).max();
    Erasure { note, leaves, steps }
}

/// What came of asking again. What was found before and is not any more was done then, whatever was said of it.
fn again(before: Option<Erasure>, after: Erasure, erase: Option<&Erase>) -> Erasure {
    let Some(before) = before else { return after };
    let Erasure { note, leaves, mut steps } = after;
    for old in before.steps.into_iter().filter(|old| old.name != UNREACHED) {
        match steps.iter_mut().find(|step| step.name == old.name) {
            Some(step) => {
                if step.failure.is_none() && step.found == 0 && old.found > 0 && !old.unasked {
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
        unasked: false,
    };
    Erasure { note: String::new(), leaves: Some(Leaves::ManualTask), steps: vec![step] }
}

/// What came of asking, and whether asking again is of no use.
struct Answer {
    report: Erasure,
    is_final: bool,
}

/// Nobody can be asked any more. What was done before stays done.
fn by_hand(note: &str, before: Option<Erasure>) -> Answer {
    let steps = before.into_iter().flat_map(|before| before.steps).filter(|step| step.name != UNREACHED).collect();
    let note = format!("{note} Do it there by hand.");
    Answer { report: Erasure { note, leaves: Some(Leaves::ManualTask), steps }, is_final: true }
}

fn failed(before: Option<Erasure>, why: &str) -> Answer {
    Answer { report: again(before, unreached(why), None), is_final: false }
}

/// What is to be said of a connector of which nobody can be asked.
fn without_asking(connector: &Connector) -> Option<Erasure> {
    if connector.can_erase() {
        return None;
    }
    let said = connector.erase().and_then(Erase::without_asking);
    Some(said.unwrap_or_else(|| by_hand(CANNOT, None).report))
}

/// Why nobody is asked where the manifest does not say it.
const CANNOT: &str = "The connector cannot make the vendor forget anybody.";
/// Why nobody was asked by this node.
const NO_CONNECTOR: &str = "this node has no such connector; one of a newer version may";
/// Why nobody was asked this time.
const OWN_FAULT: &str = "the hub itself failed before it could ask; its log says why";

/// Where an errand keeps by what the vendor knows the person, in the order of a person's values.
const LISTS: [(Category, &str); 7] = [
    (Category::Contact, "emails"),
    (Category::Contact, "phones"),
    (Category::Identity, "customer_numbers"),
    (Category::Contact, EMAIL_DIGESTS),
    (Category::Contact, PHONE_DIGESTS),
    (Category::Identity, "accounts"),
    (Category::Social, "accounts"),
];
/// Digests of what a network was given. Nobody can be looked up by one.
const EMAIL_DIGESTS: &str = "emails_sha256";
const PHONE_DIGESTS: &str = "phones_sha256";

#[expect(clippy::disallowed_methods, reason = "they go to the vendor that told of them, to be forgotten there")]
fn listed(errand: &Disclosure, category: Category, name: &str) -> Vec<String> {
    let parts = errand.records().iter().filter_map(|record| record.part(category));
    let values = parts.filter_map(|part| Some(part.look().get(name)?.as_array()?.clone()));
    values.flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

const fn is_nobody(person: &Person) -> bool {
    let Person { email, phone, customer_number, account, email_sha256, phone_sha256 } = person;
    email.is_none()
        && phone.is_none()
        && customer_number.is_none()
        && account.is_none()
        && email_sha256.is_none()
        && phone_sha256.is_none()
}

#[cfg(test)]
mod tests;

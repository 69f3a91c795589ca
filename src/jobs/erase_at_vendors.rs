//! Making the vendors of connected sources forget whoever is erased here (Art. 17, 19 GDPR).
//!
//! ```text
//! errand sealed with the mark → due → lease taken → [ opened → vendor asked → looked again ] → answer written down
//!                                ↑                                              │ failed            → audit line, certificate
//!                                └───────── later and later, for 30 days ───────┘                   → final: errand destroyed
//! ```
//!
//! What a law or the vendor's terms keep there until a day (`older_than`) is held, and asked for again on that day: the errand stays sealed
//! until then, and request and certificate say `held`.
//!
//! The errands are rows of `store::source_erasures`; `rights::errand` makes and ends them. One node is at each. A process that
//! dies leaves a lease that ends by itself, and the vendor is asked again: that is harmless. What a vendor cannot do, or
//! does not do in time, is left to the officer as `manual_task`, and never called done. A connector of which nobody can be asked
//! says at once what its manifest says.

mod report;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use report::{Answer, CANNOT, NO_CONNECTOR, OWN_FAULT, again, by_hand, failed, is_open, told, without_asking};

use super::lease::{BEAT, Held, LEASE, hold};
use super::sync::pause_for;
use crate::audit::{self, Act, Book, Line};
use crate::connect::{Erasure, Leaves, NoSession, Person, Vendors};
use crate::gateway::{Disclosure, Kept};
use crate::rights::{self, DIGESTS, NOTHING_FOUND, Rights};
use crate::store::source_erasures::{self, SourceErasureRow};
use crate::store::{self, Store};
use crate::types::{Category, EntropyFailure, IdMaker, RequestId, Timestamp};

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
    /// Asks the vendors of one request now, whether they are due or not; but for one that may still be at adding the person, which would
    /// find nobody.
    ///
    /// # Errors
    /// If the hub fails; what a vendor answers is in the request.
    pub async fn ask_all_of(&self, request: RequestId) -> Result<(), Error> {
        let rows = self.store.read(move |read| source_erasures::of(read.records(), request)).await?;
        let now = self.now();
        let waits =
            |row: &SourceErasureRow| (row.attempts == 0 || row.state == SourceErasureRow::HELD) && row.next_at > now;
        for row in rows.iter().filter(|row| row.state != SourceErasureRow::FINAL && !waits(row)) {
            self.ask(row).await?;
        }
        Ok(())
    }

    /// What is due, of each vendor.
    pub(super) async fn due(&self) -> Vec<SourceErasureRow> {
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
        // Of what was held the days count from when it is asked for again.
        let since = if row.state == SourceErasureRow::HELD { held_until(before.as_ref()) } else { None };
        let renew = async |until| self.say_so(&owner, &row, until).await;
        let work = self.tell(&row, before.clone());
        let answer = match hold(&*self.vendors.surroundings.clock, BEAT, work, renew).await {
            Held::Done(answer) => answer,
            Held::Overtaken => return Err(Error::Overtaken),
            Held::Silent(error) => return Err(error),
        };
        let Answer { report, is_final, rests_until } = answer.unwrap_or_else(|error| {
            tracing::error!(error = ?error, "the hub failed at an erasure at a vendor");
            failed(before, OWN_FAULT, self.now())
        });
        let now = self.now();
        let tired = since.unwrap_or(row.asked_at).plus_days(i64::from(PATIENCE)) <= now;
        let attempts = row.attempts.saturating_add(1);
        let next = SourceErasureRow {
            attempts,
            changed_at: now,
            next_at: now.plus(pause_for(attempts, &*self.vendors.surroundings.entropy)),
            report: serde_json::to_string(&report).unwrap_or_default(),
            ..row
        };
        if is_open(&report) && !is_final && !tired {
            tracing::warn!(attempts, "a vendor has not forgotten somebody yet and is asked again");
            // It said itself when it wants to be called again.
            let next_at = next.next_at.max(rests_until);
            let next = SourceErasureRow { lease_owner: Vec::new(), lease_until: Timestamp::UNSET, next_at, ..next };
            let ours = self.store.write(move |write| source_erasures::step(write, &owner, &next)).await?;
            return if ours { Ok(()) } else { Err(Error::Overtaken) };
        }
        if let Some(day) = held_until(Some(&report)).filter(|day| *day > now && !is_final && !is_open(&report)) {
            let next = SourceErasureRow { next_at: day, ..next };
            let ours = self.rights.hold_errand(&owner, &next).await?;
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

    /// Renews the lease. False if it is another's.
    async fn say_so(&self, owner: &[u8], row: &SourceErasureRow, until: Timestamp) -> Result<bool, Error> {
        let (owner, row) = (owner.to_vec(), SourceErasureRow { lease_until: until, ..row.clone() });
        Ok(self.store.write(move |write| source_erasures::step(write, &owner, &row)).await?)
    }

    /// What the vendor says, now and before.
    async fn tell(&self, row: &SourceErasureRow, before: Option<Erasure>) -> Result<Answer, Error> {
        let source = self.vendors.rulebook.edition().source(row.source_no).cloned();
        let Some(source) = source else { return Ok(by_hand("The source is not configured any more.", before)) };
        let code = source.code.clone();
        // A node of another version may know it.
        let connector = match self.vendors.catalog.connector(&source.connector) {
            Ok(connector) => connector.clone(),
            Err(_) => return Ok(failed(before, NO_CONNECTOR, self.now())),
        };
        if let Some(said) = without_asking(&connector) {
            return Ok(Answer::last(again(before, said, None, self.now())));
        }
        let session = match self.vendors.session(&code).await {
            Ok(session) => session,
            Err(NoSession::NoSource(_) | NoSession::NotConnected(_)) => {
                return Ok(by_hand("The source is not connected any more.", before));
            }
            Err(NoSession::Connector(_)) => return Ok(failed(before, NO_CONNECTOR, self.now())),
            Err(cause) => return Ok(failed(before, &cause.to_string(), self.now())),
        };
        let Some(erase) = connector.erase() else { return Ok(by_hand(CANNOT, before)) };
        // The line first: what is done at the vendor must be on record even if this process ends.
        let line = Line::new(Act::RecipientTold).for_request(row.request_id).to(format!("source {code}"));
        self.book.note(line.object("erasure").reasons(vec!["intended".to_owned()])).await?;
        let errand = match self.rights.open_errand(row).await? {
            Kept::Opened(errand) => errand,
            Kept::Refused => return Ok(failed(before, NOT_READABLE, self.now())),
            Kept::Destroyed => {
                return Ok(by_hand("What the vendor had to be told is not kept any more.", before));
            }
        };
        let (people, others) = self.people(row, &errand).await?;
        let report = told(erase, &session, &people, row.withheld.saturating_add(others)).await;
        let rests_until = session.rests_until();
        Ok(Answer { rests_until, ..Answer::so_far(again(before, report, Some(erase), self.now())) })
    }

    /// By what the vendor knows the person, without what somebody who lives has by now, and how much that is. A step looks by one
    /// value, so each list is gone through.
    async fn people(&self, row: &SourceErasureRow, errand: &Disclosure) -> Result<(Vec<Person>, i32), Error> {
        let (mut lists, mut others) = (Vec::new(), 0_i32);
        for (category, name) in LISTS {
            let mut told = Vec::new();
            for value in listed(errand, category, name) {
                if self.rights.is_somebodys(row.source_no, name, &value).await? {
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
                account: next.next().flatten().or_else(|| next.next().flatten()),
                ..Person::default()
            };
            if is_nobody(&person) {
                break;
            }
            people.push(person);
        }
        people.extend(listed(errand, Category::Contact, DIGESTS).iter().map(|pair| by_digests(pair)));
        Ok((people, others))
    }

    fn now(&self) -> Timestamp {
        self.vendors.surroundings.clock.now()
    }
}

/// Where an errand keeps by what the vendor knows the person, in the order of a person's values.
const LISTS: [(Category, &str); 5] = [
    (Category::Contact, "emails"),
    (Category::Contact, "phones"),
    (Category::Identity, "customer_numbers"),
    (Category::Identity, "accounts"),
    (Category::Social, "accounts"),
];
/// Why what the vendor must be told cannot be read by now.
const NOT_READABLE: &str =
    "the purpose subject_access does not let the hub read what the vendor must be told; configure it as it was";

/// The end of the day on which the first of what is held there is old enough.
fn held_until(report: Option<&Erasure>) -> Option<Timestamp> {
    let day = Timestamp::parse(&format!("{}T00:00:00Z", report?.next_ripe()?)).ok()?;
    Some(day.plus_days(1))
}

/// Two digests that were handed over together, of which one may be empty. Nobody can be looked up by one.
fn by_digests(pair: &str) -> Person {
    let (email, phone) = pair.split_once(' ').unwrap_or((pair, ""));
    let digest = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Person { email_sha256: digest(email), phone_sha256: digest(phone), ..Person::default() }
}

#[expect(clippy::disallowed_methods, reason = "they go to the vendor that told of them, to be forgotten there")]
fn listed(errand: &Disclosure, category: Category, name: &str) -> Vec<String> {
    let parts = errand.records().iter().filter_map(|record| record.part(category));
    let values = parts.filter_map(|part| Some(part.look().get(name)?.as_array()?.clone()));
    values.flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

const fn is_nobody(person: &Person) -> bool {
    let Person { email, phone, customer_number, account, .. } = person;
    email.is_none() && phone.is_none() && customer_number.is_none() && account.is_none()
}

#[cfg(test)]
mod tests;

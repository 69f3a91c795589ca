//! Telling the vendors of connected sources that somebody withdrew or objects (Art. 7(3), 21 GDPR).
//!
//! ```text
//! ledger followed (jobs::announce) → row of the source → lease taken → [ still a no? → vendor told → looked again ] → outcome
//!                                        ↑                                   │ failed
//!                                        └──── later and later, for 30 days ─┘
//! ```
//!
//! The rows are those of `store::unsubscriptions`, and hold no value of the person: what the vendor is told is read when it is told
//! (`rights::Withdrawal`). A process that dies leaves a lease that ends by itself, and the vendor is told again: that is harmless. A
//! vendor that is not to be moved in time is left to the officer, and never called done.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::lease::{BEAT, Held, LEASE, hold};
use super::sync::pause_for;
use crate::connect::{Counts, NoSession, Person, Stopped, Vendors};
use crate::rights::{self, KnownThere, Rights, Withdrawal};
use crate::store::syncs::{self, SyncRow, SyncState};
use crate::store::unsubscriptions::{self, UnsubscriptionRow};
use crate::store::{self, Store};
use crate::types::{EntropyFailure, IdMaker, Timestamp};

/// How often it is looked who is to be told.
const CHECK: Duration = Duration::from_secs(1);
/// Rows looked at in one step.
const PAGE: i64 = 64;
/// Vendors told at the same time: one that is slow keeps no other from being told.
const AT_ONCE: usize = 8;
/// Days after which a vendor that still fails is left to the officer.
const PATIENCE: i32 = 30;
/// How long rows that are over are looked for again.
const SWEEP: i64 = 3_600 * Timestamp::SECOND;

/// The vendor was told, and found nothing subscribed any more when it looked again.
const DONE: &str = "unsubscribed";
/// The vendor failed after it had found something: it is told again, and may have done it.
const UNSURE: &str = "unsure";
/// Nothing was subscribed there.
const NOTHING: &str = "nothing_subscribed";
/// The person says yes again, was erased, or is not of this source.
const OVER: &str = "over";
/// Somebody must do it by hand.
const BY_HAND: &str = "manual_task";

/// A failure of the hub; a vendor's only puts it off.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("a withdrawal could not be read or written down")]
    Store(#[from] store::Error),
    /// What the vendor must be told could not be read, or the step not recorded.
    #[error("what the vendor must be told could not be read")]
    Rights(#[from] rights::Error),
    /// No randomness to name this run.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

/// The job of one process.
pub struct Unsubscriptions {
    /// Whom to tell.
    pub vendors: Arc<Vendors>,
    /// Who knows what they must be told.
    pub rights: Arc<Rights>,
    /// What is to be done.
    pub store: Store,
    /// Names for runs.
    pub ids: Arc<IdMaker>,
}

/// What came of telling a vendor once.
enum Came {
    /// It is over, with this word.
    Over(&'static str, Stopped),
    /// It is to be told again: why, for the history, and before when the vendor wants not to be called.
    Again(String, Timestamp, Stopped),
}

/// Tells every vendor when it is due, for as long as it is polled.
pub async fn keep_unsubscribing(unsubscriptions: Arc<Unsubscriptions>) {
    let mut swept = Timestamp::UNSET;
    loop {
        tokio::time::sleep(CHECK).await;
        if let Err(error) = unsubscriptions.run_due().await {
            tracing::warn!(error = ?error, "vendors could not be told of withdrawals yet; it is tried again");
        }
        let now = unsubscriptions.now();
        if swept.plus(SWEEP) <= now {
            swept = now;
            let forgotten = unsubscriptions.store.write(move |write| unsubscriptions::forget_old(write, now)).await;
            if let Err(error) = forgotten {
                tracing::warn!(error = ?error, "old withdrawals could not be forgotten yet");
            }
        }
    }
}

impl Unsubscriptions {
    /// Tells whoever is due, some of them at the same time. Answers how many there were.
    ///
    /// # Errors
    /// If it cannot be looked who is due, or the hub fails at one; all others are told first.
    pub async fn run_due(&self) -> Result<usize, Error> {
        let now = self.now();
        let rows = self.store.read(move |read| unsubscriptions::due(read.records(), now, PAGE)).await?;
        let mut telling = stream::iter(&rows).map(|row| self.tell(row)).buffer_unordered(AT_ONCE);
        let mut failed = None;
        while let Some(told) = telling.next().await {
            failed = failed.or(told.err());
        }
        failed.map_or(Ok(rows.len()), Err)
    }

    /// Tells one vendor of one withdrawal, once. Nothing is done if somebody else is at it.
    async fn tell(&self, row: &UnsubscriptionRow) -> Result<(), Error> {
        let owner = self.ids.uuid()?.as_bytes().to_vec();
        let (wanted, named, now) = (row.clone(), owner.clone(), self.now());
        let taken = self.store.write(move |write| unsubscriptions::take(write, &wanted, &named, now.plus(LEASE), now));
        let Some(row) = taken.await? else { return Ok(()) };
        let renew = async |until| {
            let (owner, longer) = (owner.clone(), UnsubscriptionRow { lease_until: until, ..row.clone() });
            self.store.write(move |write| unsubscriptions::step(write, &owner, &longer)).await
        };
        let came = match hold(&*self.vendors.surroundings.clock, BEAT, self.ask(&row), renew).await {
            Held::Done(came) => came?,
            Held::Overtaken => return Ok(()),
            Held::Silent(cause) => return Err(Error::Store(cause)),
        };
        let now = self.now();
        let attempts = row.attempts.saturating_add(1);
        let tired = row.asked_at.plus_days(i64::from(PATIENCE)) <= now;
        let free =
            UnsubscriptionRow { attempts, lease_owner: Vec::new(), lease_until: Timestamp::UNSET, ..row.clone() };
        let (Came::Over(_, stopped) | Came::Again(_, _, stopped)) = came;
        // Also if a part of it is to be told again, and if it failed after what it found, and nothing is there any more. That nothing was
        // subscribed ends nothing: a no there is, or will be, their own.
        let did_it = stopped.ended > 0 || (row.outcome == UNSURE && stopped.looked && !stopped.again);
        let free = UnsubscriptionRow { told_at: if did_it { now } else { row.told_at }, ..free };
        let (next, history) = match came {
            Came::Again(why, rests_until, _) if !tired => {
                let next_at = now.plus(pause_for(attempts, &*self.vendors.surroundings.entropy)).max(rests_until);
                tracing::warn!(attempts, why, "a vendor was not told of a withdrawal yet and is told again");
                // The first failure is shown; those after it say nothing new.
                let shown = (attempts == 1).then(|| history(&row, SyncState::Failed, (0, why), now));
                let outcome = if stopped.unsure { UNSURE.to_owned() } else { row.outcome };
                (UnsubscriptionRow { next_at, outcome, ..free }, shown)
            }
            came => {
                let word = match came {
                    Came::Over(NOTHING, _) if did_it => DONE,
                    Came::Over(word, _) => word,
                    Came::Again(..) => BY_HAND,
                };
                self.rights.note_unsubscription(&row, word).await?;
                let (state, cause) = if word == BY_HAND {
                    (SyncState::Failed, HAND.to_owned())
                } else {
                    (SyncState::Done, String::new())
                };
                let shown =
                    (word != OVER && word != NOTHING).then(|| history(&row, state, (stopped.ended, cause), now));
                let state = UnsubscriptionRow::FINAL;
                (UnsubscriptionRow { state, next_at: now, outcome: word.to_owned(), ..free }, shown)
            }
        };
        let written = self.store.write(move |write| {
            let ours = unsubscriptions::step(write, &owner, &next)?;
            match &history {
                Some(history) if ours => syncs::note(write, history),
                _ => Ok(()),
            }
        });
        Ok(written.await?)
    }

    /// What the vendor does.
    async fn ask(&self, row: &UnsubscriptionRow) -> Result<Came, Error> {
        let source = self.vendors.rulebook.edition().source(row.source_no).cloned();
        let Some(source) = source else { return Ok(Came::Over(OVER, Stopped::default())) };
        let session = match self.vendors.session(&source.code).await {
            Ok(session) => session,
            // Whoever connects it again reads what stands there.
            Err(NoSession::NoSource(_) | NoSession::NotConnected(_)) => {
                return Ok(Came::Over(OVER, Stopped::default()));
            }
            Err(cause) => return Ok(Came::Again(cause.to_string(), Timestamp::UNSET, Stopped::default())),
        };
        let connector = session.connector().clone();
        let Some(unsubscribe) = connector.unsubscribe() else { return Ok(Came::Over(OVER, Stopped::default())) };
        let known = match self.rights.withdrawal(row).await? {
            Withdrawal::Over => return Ok(Came::Over(OVER, Stopped::default())),
            Withdrawal::Refused => {
                return Ok(Came::Again(NOT_READABLE.to_owned(), Timestamp::UNSET, Stopped::default()));
            }
            Withdrawal::Stands(known) => known,
        };
        let mut all = Stopped::default();
        for person in people(&known) {
            let one = unsubscribe.run(&session, &person, &row.purpose).await;
            all.ended = all.ended.saturating_add(one.ended);
            all.again |= one.again;
            all.unsure |= one.unsure;
            all.looked |= one.looked;
        }
        Ok(match all {
            Stopped { again: true, .. } => Came::Again(AGAIN.to_owned(), session.rests_until(), all),
            Stopped { ended: 0, .. } => Came::Over(NOTHING, all),
            Stopped { .. } => Came::Over(DONE, all),
        })
    }

    fn now(&self) -> Timestamp {
        self.vendors.surroundings.clock.now()
    }
}

/// Why a vendor is not told yet.
const NOT_READABLE: &str =
    "the purpose subject_access does not let the hub read by what the vendor knows them; configure it as it was";
/// Why a vendor is told again.
const AGAIN: &str = "the vendor did not end the subscription of somebody who withdrew; it is told again";
/// What is left to somebody.
const HAND: &str = "the vendor did not end the subscription of somebody who withdrew; do it there by hand";
/// The name under which the history counts it.
const STREAM: &str = "unsubscribe";

/// A step looks by one value, so each list is gone through.
fn people(known: &KnownThere) -> Vec<Person> {
    let list = |name: &str| known.values(name).into_iter().map(str::to_owned).collect::<Vec<_>>().into_iter();
    let (mut emails, mut phones) = (list("emails"), list("phones"));
    let (mut numbers, mut accounts) = (list("customer_numbers"), list("accounts"));
    let mut people = Vec::new();
    loop {
        let person = Person {
            email: emails.next(),
            phone: phones.next(),
            customer_number: numbers.next(),
            account: accounts.next(),
            ..Person::default()
        };
        if person.email.is_none()
            && person.phone.is_none()
            && person.customer_number.is_none()
            && person.account.is_none()
        {
            return people;
        }
        people.push(person);
    }
}

/// What the history of the source shows of it.
fn history(row: &UnsubscriptionRow, state: SyncState, (ended, cause): (u32, String), now: Timestamp) -> SyncRow {
    let mut counts = Counts::default();
    let counted = counts.stream(STREAM);
    (counted.read, counted.updated, counted.complete) = (1, u64::from(ended), state == SyncState::Done);
    SyncRow {
        source_no: row.source_no,
        begun_at: now,
        ended_at: now,
        state: state.number(),
        cause,
        counts: counts.text(),
    }
}

#[cfg(test)]
mod tests;

//! The only door out: ask, decide, record, open.
//!
//! [`Gateway::read`] is the consented read in one function: a snapshot of one person, [`decide`] on it, a durable
//! audit line, and only then the door. [`Gateway::read_many`] does the same for many people with one line. The gateway
//! owns the one [`crate::vault::Opener`]; nothing else in the house can open anything. An unknown person and a refused read are the same [`Answer`] outside and differ in the audit
//! book only. This room must never disclose without a receipt, and never tell a caller why not.
//! Read next: [`permit`](decide), then `door`.

mod ask;
mod decision;
mod disclosed;
mod disclosure;
mod document;
mod door;
mod errand;
mod judge;
mod many;
mod masked;
mod names;
mod origin;
mod permit;
mod profile;
mod reseal;
mod side_by_side;
mod survive;
mod uses;

use std::sync::Arc;

pub use ask::{Actor, Ask, Caller, ReasonCode, Scope};
pub use decision::{Allowed, Decision, Outcome, Refused, Why};
pub use disclosed::Disclosed;
pub use disclosure::{DisclosedRecord, Disclosure, WithOrigins};
pub use errand::Kept;
pub use many::Page;
use many::damaged;
pub use masked::MaskedValue;
pub use names::{Assignment, Assignments};
pub use origin::Origin;
pub use permit::{Gap, Permit, RecordFacts, Refusal, Verdict, decide};
pub use reseal::Reclosed;
pub use side_by_side::{MaskedPerson, MaskedRecord};
pub use uses::Use;

pub use door::{CarriedOver, ReclosedCard};

use door::{Door, Keys};

use crate::audit::{self, Act, Book, Line};
use crate::consent::{Edition, Rulebook, Standing, ledger};
use crate::store::rows::{SubjectRows, Who};
use crate::store::{self, Store, cards};
use crate::types::{Clock, DecisionId, EntropyFailure, IdMaker, IdentifierKind, RequestId, SourceNo, Timestamp};
use crate::vault::{self, Keyring, KeyringError, Opener, Personal, Pseudonym};

/// A failure of the gateway. Whatever it is, nothing was disclosed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data could not be loaded.
    #[error("the data could not be loaded")]
    Store(#[from] store::Error),
    /// The audit line could not be written.
    #[error("the disclosure could not be recorded")]
    Audit(#[from] audit::Error),
    /// The data could not be opened.
    #[error("the data could not be opened")]
    Vault(#[from] vault::Error),
    /// The key epochs could not be loaded.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// No randomness for a decision id.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// The whole copy of a person was asked for under a purpose that is not their own access.
    #[error("the purpose is not the person's own access")]
    NotOwnCopy,
    /// A receipt for another decision was brought to the door.
    #[error("the receipt speaks for another decision")]
    WrongReceipt,
}

impl Error {
    /// Were the keys turned between a snapshot and its opening? A new snapshot is under the new epoch.
    const fn is_turned(&self) -> bool {
        matches!(self, Self::Vault(vault::Error::UnknownEpoch(_)))
    }

    /// Is it a fault in the rows of one person, which says nothing about the others?
    fn is_of_one_person(&self) -> bool {
        use vault::Error as Sealed;
        match self {
            Self::Store(store::Error::Unreadable(_)) => true,
            Self::Vault(cause) => matches!(
                cause,
                Sealed::DataKeyRefused
                    | Sealed::Commitment
                    | Sealed::Erased(_)
                    | Sealed::Absent(_)
                    | Sealed::Malformed(_)
                    | Sealed::OtherKey { .. }
                    | Sealed::Refused
            ),
            _ => false,
        }
    }
}

/// What a caller gets: the data, or nothing. Why it is nothing stands in the audit book.
#[must_use]
pub enum Answer {
    /// What the permit opened.
    Disclosed(Box<Disclosure>),
    /// Unknown, not allowed or not configured.
    Nothing,
}

impl Answer {
    /// The data, if there is any.
    #[must_use]
    pub fn disclosed(&self) -> Option<&Disclosure> {
        match self {
            Self::Disclosed(disclosure) => Some(disclosure),
            Self::Nothing => None,
        }
    }
}

/// The gateway.
pub struct Gateway {
    door: Door,
    store: Store,
    book: Arc<Book>,
    rulebook: Arc<Rulebook>,
    keyring: Arc<Keyring>,
    ids: Arc<IdMaker>,
    clock: Arc<dyn Clock>,
}

impl Gateway {
    /// A gateway that owns `opener`. There is one per process.
    #[must_use]
    pub fn new(
        opener: Opener,
        store: Store,
        book: Arc<Book>,
        rulebook: Arc<Rulebook>,
        keyring: Arc<Keyring>,
        ids: Arc<IdMaker>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { door: Door::new(opener), store, book, rulebook, keyring, ids, clock }
    }

    /// One consented read: decide, record, open. Of somebody whose data is damaged there is nothing, as of nobody; the
    /// log and the audit book tell why.
    ///
    /// # Errors
    /// If the data cannot be loaded or the audit line is not durable. Nothing is disclosed.
    pub async fn read(&self, ask: &Ask, who: Who, request: Option<RequestId>) -> Result<Answer, Error> {
        match self.try_to_read(ask, who.clone(), request).await {
            Err(error) if error.is_turned() => self.try_to_read(ask, who, request).await,
            done => done,
        }
    }

    async fn try_to_read(&self, ask: &Ask, who: Who, request: Option<RequestId>) -> Result<Answer, Error> {
        let rows = self.load(vec![who]).await?.pop().flatten();
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let mut keys = rows.as_ref().map(|rows| self.door.keys(rows));
        let decided = self.decide_for_outside(ask, rows.as_ref(), &edition, id);
        let named = decided.and_then(|verdict| Ok((verdict, pseudonym(&mut keys)?)));
        let Some((verdict, pseudonym)) = named.map(Some).or_else(damaged)? else {
            self.note_damage(ask, &edition, 1).await?;
            return Ok(Answer::Nothing);
        };
        let receipt = self.book.record(id, line(ask, verdict.decision(), pseudonym, request)).await?;
        let (Verdict::Allow(permit), Some(keys)) = (verdict, keys) else { return Ok(Answer::Nothing) };
        match self.door.disclose(permit, receipt, (keys, &[]), &edition).map(Some).or_else(damaged)? {
            Some(disclosure) => Ok(Answer::Disclosed(Box::new(disclosure))),
            None => {
                self.note_damage(ask, &edition, 1).await?;
                Ok(Answer::Nothing)
            }
        }
    }

    /// Records that disclosures went on to somebody outside, and returns them with that record made.
    ///
    /// # Errors
    /// If the audit line is not durable: then nothing may be handed over.
    pub async fn deliver(
        &self,
        ask: &Ask,
        disclosed: &[Disclosure],
        recipient: &str,
        object: &str,
    ) -> Result<(), Error> {
        let line = by(Line::new(Act::Disclosed), ask)
            .to(recipient)
            .object(object)
            .count(disclosed.len())
            .about(disclosed.iter().filter_map(Disclosure::pseudonym).map(|pseudonym| pseudonym.bytes()));
        Ok(self.book.note(line).await?)
    }

    /// Explains how a read would be decided, without opening anything. For the data protection officer.
    ///
    /// # Errors
    /// If the data cannot be loaded or the audit line is not durable.
    pub async fn explain(&self, by_whom: &Caller, ask: &Ask, who: Who) -> Result<Decision, Error> {
        let rows = self.load(vec![who]).await?.pop().flatten();
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let decision = self.decide_for_outside(ask, rows.as_ref(), &edition, id)?.decision().clone();
        let mut keys = rows.as_ref().map(|rows| self.door.keys(rows));
        let mut line = line(ask, &decision, pseudonym(&mut keys)?, None).with_act(Act::Explained);
        if let Actor::Key { id, role } = by_whom.actor {
            line = line.by(id, role);
        }
        self.book.note(line).await?;
        Ok(decision)
    }

    /// Whom an identifier belongs to, as a question the store can answer. The value is indexed, not read.
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no value.
    pub fn who_has(&self, kind: IdentifierKind, source: SourceNo, value: &Personal) -> Result<Who, Error> {
        Ok(Who::Identifier(self.door.lookup(kind, source, value)?))
    }

    /// The pseudonyms under which a person stands in the audit book: one per part of them.
    ///
    /// # Errors
    /// If a key does not open.
    pub fn pseudonyms(&self, rows: &SubjectRows) -> Result<Vec<Pseudonym>, Error> {
        Ok(self.door.pseudonyms(rows)?)
    }

    /// Everything stored of one person in one snapshot, sealed as it is: for [`Gateway::own_copy`],
    /// [`Gateway::carry_over`] and [`Gateway::uses`].
    ///
    /// # Errors
    /// If the data or the key epochs cannot be loaded.
    pub async fn snapshot(&self, who: Who) -> Result<Option<SubjectRows>, Error> {
        Ok(self.load(vec![who]).await?.pop().flatten())
    }

    /// The person's own copy (Art. 15(3) GDPR) of a snapshot that the caller loaded, so that what stands around the data
    /// (ledger, links) is of the same moment. Everything in it that is alive is opened, the proofs of consent too.
    ///
    /// # Errors
    /// [`Error::NotOwnCopy`] if the purpose is another; else as [`Gateway::read`].
    pub async fn own_copy(
        &self,
        ask: &Ask,
        rows: &SubjectRows,
        request: impl Into<Option<RequestId>>,
    ) -> Result<Answer, Error> {
        let edition = self.rulebook.edition();
        if edition.purpose(&ask.purpose).is_none_or(|purpose| !purpose.own_access) {
            return Err(Error::NotOwnCopy);
        }
        let id = self.decision_id()?;
        let verdict = self.decide(ask, Some(rows), &edition, id)?;
        let numbers: Vec<_> = rows.records.iter().map(|record| record.record_no).collect();
        let cards = self.store.read(move |read| cards::of_records(read.records(), &numbers)).await?;
        let mut keys = self.door.keys(rows);
        let line = line(ask, verdict.decision(), keys.pseudonym()?, request.into());
        let receipt = self.book.record(id, line).await?;
        match verdict {
            Verdict::Allow(permit) => {
                let disclosure = self.door.disclose(permit, receipt, (keys, &cards), &edition)?;
                Ok(Answer::Disclosed(Box::new(disclosure)))
            }
            _ => Ok(Answer::Nothing),
        }
    }

    /// Opens what a statutory duty keeps and closes it again, so that it can be sealed under a key of its own while
    /// the person's keys are destroyed. The values are never readable on the way. Only records the permit covers
    /// come back.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn carry_over(
        &self,
        ask: &Ask,
        rows: &SubjectRows,
        request: RequestId,
    ) -> Result<Vec<CarriedOver>, Error> {
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let verdict = self.decide(ask, Some(rows), &edition, id)?;
        let line = line(ask, verdict.decision(), self.door.keys(rows).pseudonym()?, Some(request));
        let receipt = self.book.record(id, line).await?;
        match verdict {
            Verdict::Allow(permit) => self.door.carry_over(permit, receipt, rows, &edition),
            _ => Ok(Vec::new()),
        }
    }

    /// Loads people from one snapshot, and the epochs of their keys if another node made new ones.
    async fn load(&self, who: Vec<Who>) -> Result<Vec<Option<SubjectRows>>, Error> {
        let mut rows = self.store.subjects(who.clone()).await?;
        self.keyring.know(rows.iter().flatten().flat_map(|rows| &rows.keys)).await?;
        // A turn of the keys may have ended since the snapshot; then a new one is under the new epoch.
        if rows.iter().flatten().flat_map(|rows| &rows.keys).any(|key| !self.keyring.opens(key)) {
            rows = self.store.subjects(who).await?;
            self.keyring.know(rows.iter().flatten().flat_map(|rows| &rows.keys)).await?;
        }
        // A key under a destroyed epoch is no key, and somebody without any is nobody: rows that an old backup brought
        // back after an erasure stay what they were, unreadable and unknown.
        let with_keys = |mut rows: SubjectRows| {
            rows.keys.retain(|key| self.keyring.opens(key));
            (!rows.keys.is_empty()).then_some(rows)
        };
        Ok(rows.into_iter().map(|rows| rows.and_then(with_keys)).collect())
    }

    fn decide(
        &self,
        ask: &Ask,
        rows: Option<&SubjectRows>,
        edition: &Edition,
        id: DecisionId,
    ) -> Result<Verdict, Error> {
        let standing = match rows {
            Some(rows) => ledger::standing(rows, edition)?,
            None => Standing::unknown(),
        };
        let purpose = edition.purpose(&ask.purpose).map(Arc::as_ref);
        Ok(decide(ask, purpose, &standing, id, self.now()))
    }

    /// As [`Gateway::decide`], for somebody outside: a permit that opens nothing is given up, because a profile without
    /// anything in it would tell that there is somebody. Their own copy shows more than records. A walk of the hub does
    /// need those of whom there is nothing: who never ordered is an answer too.
    fn decide_for_outside(
        &self,
        ask: &Ask,
        rows: Option<&SubjectRows>,
        edition: &Edition,
        id: DecisionId,
    ) -> Result<Verdict, Error> {
        let own_access = edition.purpose(&ask.purpose).is_some_and(|purpose| purpose.own_access);
        Ok(match (self.decide(ask, rows, edition, id)?, rows) {
            (Verdict::Allow(permit), Some(rows)) if !own_access && !door::opens_anything(&permit, rows, edition) => {
                Verdict::Refuse(permit.give_up())
            }
            (verdict, _) => verdict,
        })
    }

    fn decision_id(&self) -> Result<DecisionId, Error> {
        Ok(DecisionId::from_uuid(self.ids.uuid()?))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The pseudonym of whoever was found.
fn pseudonym(keys: &mut Option<Keys<'_>>) -> Result<Option<Pseudonym>, Error> {
    keys.as_mut().map_or(Ok(None), Keys::pseudonym)
}

/// The audit line of one decision.
fn line(ask: &Ask, decision: &Decision, pseudonym: Option<Pseudonym>, request: Option<RequestId>) -> Line {
    let act = if decision.outcome == Outcome::Allow { Act::Disclosed } else { Act::Refused };
    let mut reasons: Vec<String> = decision.refused.iter().map(|refused| refused.reason.word().to_owned()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let version = decision.purpose_version.and_then(|version| i32::try_from(version).ok());
    let mut line = by(Line::new(act), ask)
        .under(ask.purpose.clone(), version)
        .categories(decision.allowed.iter().map(|allowed| allowed.category).collect())
        .reasons(reasons)
        .about(pseudonym.iter().map(Pseudonym::bytes));
    if let Some(reason) = &ask.reason {
        line = line.object(reason.as_str());
    }
    if let Some(request) = request {
        line = line.for_request(request);
    }
    line
}

/// Who asked, and under which purpose.
fn by(line: Line, ask: &Ask) -> Line {
    let line = line.under(ask.purpose.clone(), None);
    match ask.caller.actor {
        Actor::Key { id, role } => line.by(id, role),
        Actor::Subject(_) => line.to("the person"),
        Actor::Hub(room) => line.to(room),
    }
}

#[cfg(test)]
mod tests;

//! Statements: what a person says about the use of their data comes in here, durable before it is answered.

use std::sync::Arc;

use serde_json::json;

use super::desk::Desk;
use super::entries::Known;
use super::identify::lookup_form;
use super::prepare::Bringer;
use super::table::MATCHING;
use super::{Error, Intake, Outcome, Rejection, Taken, unmatched};
use crate::audit::{Act as AuditAct, Line};
use crate::consent::{Act, Entry, Purpose};
use crate::graph;
use crate::store::{Write, identifiers, ledger, subjects, tombstones};
use crate::types::{ApiKeyId, IdentifierKind, Role, SourceNo, SubjectId, Timestamp};
use crate::vault::{Personal, source_scoped};

/// The code of the built-in source that stands for the hub itself: people first heard of by a statement of theirs.
pub const HUB_SOURCE: &str = "hub";

/// In the audit book: the statement was made under a contact point that several people share, and counts for none of them.
const SHARED: &str = "shared_identifier";
/// In the audit book: a yes of somebody erased, from before their erasure; it was not taken in.
const BEFORE_ERASURE: &str = "before_erasure";
/// In the audit book: the ledger holds the very same statement already.
const REPEATED: &str = "repeated";

/// What became of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// For whom it was recorded. More than one only for a no about a contact point that several people share.
    pub subjects: Vec<SubjectId>,
    /// False if the very same statement was in the ledger already, or if it is a yes of an erased person from before their
    /// erasure.
    pub added: bool,
}

/// A statement, ready to be written down.
pub struct Stated {
    /// What was said.
    pub entry: Entry,
    /// The proof.
    pub evidence: Option<Personal>,
    /// Whether who reported it said when. A no that was not dated is said now, and counts after everything that is
    /// known, however far the clock of a source runs ahead.
    pub dated: bool,
}

impl Stated {
    /// Was it said before whoever had the identifier was erased? A yes of that time is old data of theirs (Art. 17 GDPR).
    /// A no harms nobody, and what is said now begins anew.
    fn is_of_the_time_before_an_erasure(&self, write: &mut Write<'_>, tombstone: &[u8; 16]) -> Result<bool, Error> {
        if !self.dated || self.entry.act.is_no() {
            return Ok(false);
        }
        Ok(tombstones::find(write, tombstone)?.is_some_and(|erased_at| self.entry.at <= erased_at))
    }
}

/// An identifier as somebody names it.
pub struct Named<'a> {
    /// Its kind.
    pub kind: IdentifierKind,
    /// The source it belongs to, for kinds that are unique at their source only.
    pub source: Option<&'a str>,
    /// The value as written.
    pub value: &'a str,
}

/// May it say whether somebody may be compared? A restriction of everything does.
pub(super) fn is_about_matching(entry: &Entry) -> bool {
    entry.purpose.is_none() || names_matching(entry)
}

/// Does it name matching? An objection that names nothing is one to marketing (Art. 21(2) GDPR).
pub(super) fn names_matching(entry: &Entry) -> bool {
    entry.purpose.as_ref().is_some_and(|purpose| purpose.as_str() == MATCHING)
}

/// Whom a statement is about.
#[derive(Clone, Copy)]
enum Whom {
    Person(SubjectId),
    /// Whoever can be looked up by this blind index.
    Holders([u8; 16]),
    /// The person of whom nothing is known but what was stated under this blind index.
    Stated([u8; 16]),
}

impl Whom {
    /// The living people it is about, at least one. Inside the write, so that a no reaches who came a moment ago.
    fn people(self, write: &mut Write<'_>, act: Act) -> Result<Vec<SubjectId>, Error> {
        let named = match self {
            Self::Person(person) => vec![person],
            Self::Holders(ix) => identifiers::holders(write.records(), &ix)?,
            Self::Stated(ix) => graph::known_by_statement(write, &ix)?.into_iter().take(1).collect(),
        };
        let mut people = Vec::with_capacity(named.len());
        for person in named {
            people.extend(subjects::living(write.records(), person)?.map(|row| row.subject_id));
        }
        people.sort_unstable();
        people.dedup();
        match people.len() {
            0 => Err(Error::UnknownSubject),
            1 => Ok(people),
            _ if act.is_no() => Ok(people),
            _ => Err(Error::Shared),
        }
    }
}

impl Intake {
    /// Records a consent, refusal, withdrawal, objection or restriction of a person. When this returns, every read
    /// that starts later knows it, on every node. `by` is the key it came with; none for the person's own click.
    ///
    /// # Errors
    /// [`Error::Act`] if the act makes no sense for its purpose, [`Error::UnknownSubject`] if nobody has this id.
    pub async fn record(
        &self,
        subject: SubjectId,
        stated: Stated,
        by: Option<(ApiKeyId, Role)>,
    ) -> Result<Recorded, Error> {
        self.check(&stated.entry)?;
        self.write_down(Whom::Person(subject), &Arc::new(stated), by).await
    }

    /// Records a statement for whoever has an identifier. A person nobody knew yet is known by it from then on, so
    /// that a no made today holds for data that comes tomorrow. A no counts for everybody who shares the contact
    /// point; a yes needs to be one person's.
    ///
    /// A yes about a shared contact point is nobody's who is known. The officer is told so. Anybody else would learn
    /// that several people are behind it; for them it is as if nobody were: the yes is kept with its proof for a person
    /// of its own, of whom the hub knows nothing else, and so opens nothing. The audit book says why.
    ///
    /// # Errors
    /// [`Error::Act`], [`Error::Rejected`] if the identifier has no normal form or its source is not configured,
    /// [`Error::Shared`] for the officer's yes about a shared identifier.
    pub async fn record_for(&self, named: Named<'_>, stated: Stated, by: (ApiKeyId, Role)) -> Result<Recorded, Error> {
        self.check(&stated.entry)?;
        let source_no = match named.source {
            None => SourceNo(0),
            Some(code) => {
                let unknown = || Error::Rejected(Rejection::new(super::normal::Reason::UNKNOWN_SOURCE).under("source"));
                self.rulebook.source_named(code).await?.ok_or_else(unknown)?.number
            }
        };
        let (kind, value) = lookup_form(named.kind, named.value)
            .map_err(|reason| Error::Rejected(Rejection::new(reason).under("value")))?;
        let ix = self.sealer.lookup(kind, source_no, &value)?.bytes();
        let stated = Arc::new(stated);
        let mut whom = Whom::Holders(ix);
        let mut written = self.write_down(whom, &stated, Some(by)).await;
        if by.1 != Role::Dpo && matches!(written, Err(Error::Shared)) {
            whom = Whom::Stated(ix);
            written = self.write_down(whom, &stated, Some(by)).await;
        }
        if matches!(written, Err(Error::UnknownSubject)) {
            self.introduce(&named).await?;
            written = self.write_down(whom, &stated, Some(by)).await;
        }
        written
    }

    /// Records a no for everybody who has a contact point, and for this person if nobody has.
    pub(super) async fn record_shared(&self, subject: SubjectId, ix: &[u8], stated: Stated) -> Result<Recorded, Error> {
        self.check(&stated.entry)?;
        let stated = Arc::new(stated);
        let Ok(ix) = <[u8; 16]>::try_from(ix) else {
            return self.write_down(Whom::Person(subject), &stated, None).await;
        };
        match self.write_down(Whom::Holders(ix), &stated, None).await {
            Err(Error::UnknownSubject) => self.write_down(Whom::Person(subject), &stated, None).await,
            written => written,
        }
    }

    fn check(&self, entry: &Entry) -> Result<(), Error> {
        let edition = self.rulebook.edition();
        let purpose = entry.purpose.as_ref().and_then(|code| edition.purpose(code)).map(Arc::as_ref);
        entry.validate(purpose).map_err(Error::Act)
    }

    /// Makes a person out of an identifier, as a record of the hub's own.
    async fn introduce(&self, named: &Named<'_>) -> Result<(), Error> {
        // An e-mail address or phone number is the same at every source: a no about it is for all of them.
        let source = named.source.filter(|_| source_scoped(named.kind)).unwrap_or(HUB_SOURCE);
        let record = json!({
            "type": "contact_note",
            "source": source,
            "external_id": format!("statement:{}", self.ids.uuid().map_err(crate::store::Error::from)?),
            "updated_at": self.clock.now().rfc3339(),
            "identifiers": [{ "kind": named.kind, "value": named.value }],
            "data": { "noted_at": self.clock.now().rfc3339(), "text": "first heard of by a statement about the use of data" },
        });
        let record = zeroize::Zeroizing::new(record.to_string().into_bytes());
        match self.ingest_chunk(&[record.as_slice()], |_| Bringer::Statement, None).await?.pop() {
            Some(Taken { outcome: Outcome::Rejected(rejection), .. }) => Err(Error::Rejected(rejection)),
            // Of its only identifier nothing is left.
            Some(Taken { left_out, .. }) if !left_out.is_empty() => {
                left_out.into_iter().next().map_or(Ok(()), |rejection| Err(Error::Rejected(rejection)))
            }
            _ => Ok(()),
        }
    }

    async fn write_down(
        &self,
        whom: Whom,
        stated: &Arc<Stated>,
        by: Option<(ApiKeyId, Role)>,
    ) -> Result<Recorded, Error> {
        let now = self.clock.now();
        let (recorded, pseudonyms) = self
            .in_epoch(async || {
                let (stated, sealer, ids) = (stated.clone(), self.sealer.clone(), self.ids.clone());
                self.store
                    .write(move |write| {
                        let desk = Desk::new(&sealer, &ids, now);
                        let mut recorded = Recorded { subjects: Vec::new(), added: false };
                        let mut pseudonyms = Vec::new();
                        if let Whom::Holders(ix) = whom
                            && stated.is_of_the_time_before_an_erasure(write, &sealer.suppression(ix.into()).bytes())?
                        {
                            return Ok((recorded, pseudonyms));
                        }
                        for person in whom.people(write, stated.entry.act)? {
                            let key = desk.proof_key(write, person)?;
                            recorded.subjects.push(person);
                            pseudonyms.push(key.pseudonym()?);
                            let known = Known::of(write, person)?;
                            let mut entry = stated.entry.clone();
                            let evidence = stated.evidence.as_ref();
                            if entry.act.is_no() && !stated.dated {
                                if desk.repeats(&key, (&entry, evidence), &known) {
                                    continue;
                                }
                                // On equal time the no wins.
                                entry.at = known.iter().map(|known| known.entry.at).fold(entry.at, Timestamp::max);
                            }
                            if let Some(row) = desk.entry(person, &key, (&entry, evidence), (SourceNo(0), 0), &known)? {
                                ledger::insert(write, row)?;
                                recorded.added = true;
                                unmatched::hear(write, person, &entry, now)?;
                            }
                        }
                        Ok::<_, Error>((recorded, pseudonyms))
                    })
                    .await
            })
            .await?;
        let mut reasons = Vec::new();
        if matches!(whom, Whom::Stated(_)) {
            reasons.push(SHARED.to_owned());
        }
        if !recorded.added {
            reasons.push(if recorded.subjects.is_empty() { BEFORE_ERASURE } else { REPEATED }.to_owned());
        }
        let line = self.line(&stated.entry, by).reasons(reasons);
        self.book.note(line.about(pseudonyms)).await?;
        Ok(recorded)
    }

    fn line(&self, entry: &Entry, by: Option<(ApiKeyId, Role)>) -> Line {
        let line = Line::new(AuditAct::ConsentRecorded);
        let line = match by {
            Some((key, role)) => line.by(key, role).object(entry.act.word()),
            None => line.object(format!("{} by {}", entry.act.word(), entry.method.word())),
        };
        match &entry.purpose {
            Some(code) => {
                let edition = self.rulebook.edition();
                let version = edition.purpose(code).map(|purpose: &Arc<Purpose>| purpose.version);
                line.under(code.clone(), version.and_then(|version| i32::try_from(version).ok()))
            }
            None => line,
        }
    }
}

//! What people said, written into the ledger: by records that prove it, and by statements.

use super::Error;
use super::claim::CLOCK_SKEW;
use super::desk::{Desk, Key};
use super::prepare::Prepared;
use crate::consent::{Act, Entry, ledger as words};
use crate::store::rows::LedgerRow;
use crate::store::unsubscriptions::{self, UnsubscriptionRow};
use crate::store::{Write, ledger, subjects};
use crate::types::{RecordNo, SourceNo, SubjectId, Timestamp};
use crate::vault::{Compartment, Personal, Row, Table};

/// How long a vendor that was told of a no may take to tell of it itself as of its own.
const ECHO: i64 = 60 * Timestamp::DAY;

impl Desk<'_> {
    /// What a record says about consents, as entries to append. A `new` person has said nothing yet.
    pub(super) fn claims(
        &self,
        write: &mut Write<'_>,
        prepared: &Prepared,
        (person, record): (SubjectId, RecordNo),
        key: &Key<'_>,
        new: bool,
    ) -> Result<Vec<LedgerRow>, Error> {
        if prepared.claims.is_empty() {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        let mut known = if new { Vec::new() } else { Known::of(write, person)? };
        for claimed in &prepared.claims {
            let mut entry = claimed.entry.clone();
            let no_news = is_no_news(&entry, key.owner, &known);
            let is_old = if claimed.undated {
                let own = newest_of(&entry, (prepared.source.number, record), &known);
                own.is_some_and(|own| own.act.is_no()) || {
                    let told = told(write, person, prepared.source.number, &entry)?;
                    is_own_doing(write, (&entry, record, key.owner), own, &told, &known)?
                }
            } else {
                no_news
                    && (claimed.repeated
                        || (entry.act.is_no() && {
                            let told = told(write, person, prepared.source.number, &entry)?;
                            told.iter().any(|told| is_echo(&entry, told, self.now))
                        }))
            };
            if is_old {
                continue;
            }
            if let Some(told) = known.iter().find(|known| claimed.retells(&known.entry)) {
                // With another proof it is told twice, and still of the same moment.
                entry.at = told.entry.at;
            }
            let said = (&entry, claimed.evidence.as_ref());
            if let Some(row) = self.entry(person, key, said, (prepared.source.number, record.0), &known)? {
                // A record may claim the same twice.
                known.push(Known::read(row.clone())?);
                entries.push(row);
            }
        }
        Ok(entries)
    }

    /// One entry to append to the ledger, with the source and the record that tell it, or neither; none if the very same one is there
    /// with the same proof, or comes without any now. A second proof of the same statement is an entry of its own: what proves a consent is never dropped (Art. 7(1)
    /// GDPR).
    pub(super) fn entry(
        &self,
        person: SubjectId,
        key: &Key<'_>,
        (entry, evidence): (&Entry, Option<&Personal>),
        (source_no, record_no): (SourceNo, i64),
        known: &[Known],
    ) -> Result<Option<LedgerRow>, Error> {
        let evidence_mac = self.proof_mac(key, evidence);
        if known.iter().any(|known| known.is(entry, key.owner) && known.covers(&evidence_mac)) {
            return Ok(None);
        }
        let number = self.ids.record_no().0;
        let sealed = evidence
            .map(|proof| key.key.seal_one(Table::Evidence, Row::number(number), Compartment::Proof, proof))
            .transpose()?;
        Ok(Some(LedgerRow {
            part: person.part(),
            subject_id: person,
            entry_no: number,
            origin: key.owner,
            act: entry.act.number(),
            purpose: entry.purpose.as_ref().map_or_else(String::new, ToString::to_string),
            channel: entry.channel.map_or(0, Into::into),
            happened_at: entry.at,
            recorded_at: self.now,
            method: entry.method.word().to_owned(),
            text_version: entry.text_version.as_deref().unwrap_or_default().to_owned(),
            proof_flags: words::proof_flags(entry),
            source_no,
            sealed_for: key.owner,
            key_no: key.key_no,
            evidence: sealed.map(crate::vault::Sealed::into_bytes).unwrap_or_default(),
            evidence_mac,
            record_no,
            said_at: Timestamp::UNSET,
        }))
    }

    /// Does the ledger hold this very no already, with no yes after it? Clicking a link again and again adds nothing.
    pub(super) fn repeats(
        &self,
        key: &Key<'_>,
        (entry, evidence): (&Entry, Option<&Personal>),
        known: &[Known],
    ) -> bool {
        let mac = self.proof_mac(key, evidence);
        let yes = known.iter().filter(|known| !known.entry.act.is_no()).map(|known| known.entry.at).max();
        let said = |known: &&Known| {
            let dated = Entry { at: known.entry.at, ..entry.clone() };
            known.is(&dated, key.owner) && known.covers(&mac)
        };
        entry.act.is_no() && known.iter().filter(said).any(|no| yes.is_none_or(|yes| yes < no.entry.at))
    }

    fn proof_mac(&self, key: &Key<'_>, evidence: Option<&Personal>) -> Vec<u8> {
        evidence.map(|proof| self.sealer.proof_mac(key.owner, proof).bytes().to_vec()).unwrap_or_default()
    }
}

/// What the vendor of a source was told about a person and the purpose of this entry, or is to be told yet.
fn told(
    write: &mut Write<'_>,
    person: SubjectId,
    source: SourceNo,
    entry: &Entry,
) -> Result<Vec<UnsubscriptionRow>, Error> {
    let Some(purpose) = &entry.purpose else { return Ok(Vec::new()) };
    let everybody = subjects::with_merged(write.records(), person)?;
    Ok(unsubscriptions::told(write.records(), source, &everybody, purpose.as_str())?)
}

/// Did the hub have the vendor note a no without a moment? What a record says of somebody who agreed there since then is their own, and
/// so is what one says that came later, or was somebody else's then.
fn is_own_doing(
    write: &mut Write<'_>,
    (entry, record, owner): (&Entry, RecordNo, SubjectId),
    own: Option<&Entry>,
    told: &[UnsubscriptionRow],
    known: &[Known],
) -> Result<bool, Error> {
    for told in told {
        let no = known.iter().find(|known| known.entry.entry_no.0 == told.entry_no);
        let since = own.map_or(record.made_at(), |own| own.at.max(record.made_at()));
        if since < told.told_at
            && no.is_some_and(|no| no.is_about(entry))
            && were_one(write, owner, told.subject_id, told.told_at)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Was one person part of the other by then?
fn were_one(write: &mut Write<'_>, one: SubjectId, other: SubjectId, by: Timestamp) -> Result<bool, Error> {
    let (mut at, mut seen) = (one, Vec::new());
    while at != other && !seen.contains(&at) {
        seen.push(at);
        let Some(row) = subjects::find(write.records(), at)? else { return Ok(false) };
        let Some(into) = row.merged_into.filter(|_| row.merged_at <= by) else { return Ok(false) };
        at = SubjectId::from_slice(&into).map_err(crate::store::Error::from)?;
    }
    Ok(at == other)
}

/// Does a source say only what the hub had its vendor do? A no that is in the ledger already was carried out there, or is about to be,
/// and comes back as the vendor's own.
fn is_echo(entry: &Entry, told: &UnsubscriptionRow, now: Timestamp) -> bool {
    let is_done = told.state == UnsubscriptionRow::WAITS || told.told_at >= told.asked_at;
    is_done && entry.at.plus(CLOCK_SKEW) >= told.asked_at && told.asked_at.plus(ECHO) >= now
}

/// Does the ledger say already what a source sends with everything? Such a yes also does not lift a no that was said
/// another way: a banner's cookie knows nothing of a letter.
fn is_no_news(entry: &Entry, owner: SubjectId, known: &[Known]) -> bool {
    // A yes that was said as somebody who was found to be them is their yes, too, when it is a no that comes; it is none that a yes
    // repeats.
    let counts = |known: &Entry| known.act.is_no() || entry.act.is_no() || known.origin == owner;
    let about = |known: &&Known| known.is_about(entry) && known.entry.at <= entry.at && counts(&known.entry);
    let newest = known.iter().filter(about).max_by_key(|known| known.order());
    newest.is_some_and(|newest| {
        let (said, told) = (newest.entry.act.is_no(), entry.act.is_no());
        said == told || (said && newest.entry.method != entry.method)
    })
}

/// The newest that this record itself said of what `entry` speaks of.
fn newest_of<'k>(entry: &Entry, (source, record): (SourceNo, RecordNo), known: &'k [Known]) -> Option<&'k Entry> {
    let own = known.iter().filter(|known| known.told_by == (source, record.0) && known.is_about(entry));
    own.max_by_key(|known| known.order()).map(|known| &known.entry)
}

/// An entry the ledger holds, and the digest of its proof.
pub(super) struct Known {
    pub(super) entry: Entry,
    evidence_mac: Vec<u8>,
    /// The source and the record that told it.
    told_by: (SourceNo, i64),
}

impl Known {
    pub(super) fn of(write: &mut Write<'_>, person: SubjectId) -> Result<Vec<Self>, Error> {
        let rows = ledger::of(write.records(), person)?;
        rows.into_iter().map(Self::read).collect()
    }

    fn read(row: LedgerRow) -> Result<Self, Error> {
        let told_by = (row.source_no, row.record_no);
        Ok(Self { entry: words::entry(&row)?, evidence_mac: row.evidence_mac, told_by })
    }

    /// Is it a yes or a no to what `entry` speaks of? A no may be to more than that, and `entry` a no to more than a yes.
    fn is_about(&self, entry: &Entry) -> bool {
        let Entry { act, purpose, channel, .. } = &self.entry;
        let within = *channel == entry.channel || (entry.act.is_no() && entry.channel.is_none());
        let same = *act == Act::Granted && *purpose == entry.purpose && within;
        let wider = act.is_no()
            && (purpose.is_none() || *purpose == entry.purpose)
            && (channel.is_none() || *channel == entry.channel);
        same || wider
    }

    /// The newest counts, and on equal time the no.
    fn order(&self) -> (Timestamp, bool) {
        (self.entry.at, self.entry.act.is_no())
    }

    /// Is it what `entry` says, for this part of the person?
    fn is(&self, entry: &Entry, owner: SubjectId) -> bool {
        let Entry { entry_no, recorded_at, .. } = self.entry;
        self.entry == Entry { entry_no, recorded_at, origin: owner, ..entry.clone() }
    }

    fn covers(&self, evidence_mac: &[u8]) -> bool {
        evidence_mac.is_empty() || self.evidence_mac == evidence_mac
    }
}

//! Preparing a record for the store: everything that can be computed without looking at other records.

use std::sync::Arc;

use super::canonical::{Canonical, Identifier};
use super::claim::CLOCK_SKEW;
use super::identify::Joins;
use super::normal::Reason;
use super::rejection::Rejection;
use super::statement::HUB_SOURCE;
use super::table::MATCHING;
use super::terms::Term;
use super::{ConsentClaim, Error};
use crate::consent::{Act, Edition, Entry, EntryNo, Method, Purpose, Source, confirmed_in_time, proven};
use crate::graph::Clue;
use crate::graph::matching::{self, Card, Number, NumberKind};
use crate::store::rows::{IdentifierRow, RecordRow};
use crate::types::{
    Category, CategorySet, IdentifierKind, PurposeCode, RecordKind, SourceNo, SubjectId, Timestamp, Voice,
};
use crate::vault::{BlindIndex, Personal, Sealer};

/// The number of the matching key that tells family names under one value apart.
const HOLDER: i16 = 0;

/// The connector of a source whose records a partner pushes: it knows which text it shows.
const PUSHED: &str = "api";

/// Who brings a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bringer {
    /// Somebody outside: the API, an import, a connector. The hub's own source is closed to them, because a record of
    /// it joins whatever comes under its contact points.
    Outside,
    /// The same, who reads again and again what changes without a time that says so.
    Reading,
    /// The hub, for a statement about somebody it did not know.
    Statement,
    /// A person who corrects what is said of them.
    Subject(PartOf),
    /// Somebody with a write key, who tells of events.
    Collected(Voice),
}

/// A person, and one of those they were before a merge, or they themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartOf {
    pub(super) person: SubjectId,
    pub(super) part: SubjectId,
}

impl Bringer {
    /// Is it the hub's own source that they bring it under?
    const fn is_hub(self) -> bool {
        matches!(self, Self::Statement | Self::Subject(_))
    }

    /// May an identifier of this kind find or join people?
    fn may_identify(self, kind: IdentifierKind) -> bool {
        self != Self::Collected(Voice::Visitor) || kind == IdentifierKind::AnonymousId
    }
}

/// A record that only needs to be resolved, sealed and written.
pub(super) struct Prepared {
    pub(super) kind: RecordKind,
    pub(super) source: Arc<Source>,
    pub(super) version: Timestamp,
    /// The index of the record itself.
    pub(super) record_ix: BlindIndex,
    /// Every index the record is stored under, with kind and use.
    pub(super) indexes: Vec<Indexed>,
    /// What may join it to others.
    pub(super) clues: Vec<Clue>,
    /// The tombstone an erased record of this very id would have left, and those of the identifiers.
    pub(super) own_tombstone: [u8; 16],
    pub(super) tombstones: Vec<[u8; 16]>,
    pub(super) content_mac: BlindIndex,
    /// The source's own id of it.
    pub(super) name: Personal,
    /// What of it is compared; none if nothing is, or may not be.
    pub(super) card: Option<Card>,
    /// Under which matching keys it is found.
    pub(super) keys: Vec<i64>,
    /// Its values that are counted.
    pub(super) terms: Vec<Term>,
    pub(super) parts: Vec<(Category, Personal)>,
    pub(super) facts: i16,
    pub(super) happened_at: Option<Timestamp>,
    pub(super) contract_until: Option<Timestamp>,
    pub(super) source_until: Option<Timestamp>,
    pub(super) keep_until: Option<Timestamp>,
    pub(super) claims: Vec<Claimed>,
    /// What was left out because it cannot be, or no purpose keeps it.
    pub(super) left_out: Vec<Rejection>,
    /// Does no purpose keep anything of it? It is not stored, unless it replaces an older version.
    pub(super) unread: bool,
    /// Is the first version of it the last? What happened does not change; the same message may come twice.
    pub(super) first_wins: bool,
    /// Does the one that is read last count of two contents with one version? Its version is no time of a change.
    pub(super) last_wins: bool,
    /// Did it come with a write key? Then a visitor who has an account already stays apart from another one.
    pub(super) from_tracker: bool,
    /// Whose it is and for which part of them it is sealed, if that is known whatever it says.
    pub(super) of: Option<PartOf>,
}

/// One index of a record.
#[derive(Clone, Copy)]
pub(super) struct Indexed {
    pub(super) ix: [u8; 16],
    pub(super) kind: i16,
    pub(super) flags: i16,
    /// The family name that came with it, or of a customer number the account; comparable under this value only, and 0 without one.
    pub(super) whose: i32,
}

/// A consent a source claims, checked against its purpose. Person and number come when it is written.
pub(super) struct Claimed {
    pub(super) entry: Entry,
    pub(super) evidence: Option<Personal>,
    /// When it happened by the clock of the source.
    pub(super) told_at: Timestamp,
    /// Does the source send it with everything?
    pub(super) repeated: bool,
    /// A no of which the source does not say when it was said.
    pub(super) undated: bool,
}

impl Claimed {
    /// Is `known` this very claim, told before while the clock of the source ran ahead? Otherwise the second telling
    /// would be a later yes.
    pub(super) fn retells(&self, known: &Entry) -> bool {
        let ahead = known.at == known.recorded_at && known.at < self.told_at;
        let near = self.told_at <= known.at.plus(CLOCK_SKEW);
        let entry = Entry {
            at: known.at,
            recorded_at: known.recorded_at,
            entry_no: known.entry_no,
            origin: known.origin,
            ..self.entry.clone()
        };
        !self.entry.act.is_no() && ahead && near && entry == *known
    }
}

impl Prepared {
    /// What of it is compared, if some of its values are `generic`: what names nobody is no evidence.
    pub(super) fn card_without(&self, generic: &[[u8; 16]]) -> Option<Card> {
        let card = self.card.as_ref().filter(|card| card.has_number(generic))?;
        let mut card = Card::from_bytes(&card.to_bytes()).ok()?;
        card.forget_numbers(generic);
        Some(card)
    }

    pub(super) fn categories(&self) -> CategorySet {
        self.parts.iter().map(|(category, _)| *category).collect()
    }
}

/// Indexes a record and checks what it claims.
///
/// # Errors
/// [`Error::Rejected`] if its source or one of its purposes is not configured, if it names the hub's own source from
/// outside, or if a claim makes no sense.
pub(super) fn prepare(
    sealer: &Sealer,
    edition: &Edition,
    record: Canonical,
    now: Timestamp,
    bringer: Bringer,
) -> Result<Prepared, Error> {
    let source = edition
        .source_named(record.source.as_str())
        .filter(|source| bringer.is_hub() || source.code != HUB_SOURCE)
        .cloned()
        .ok_or_else(|| Error::Rejected(Rejection::new(Reason::UNKNOWN_SOURCE).under("source")))?;
    let record_ix = sealer.record_index(source.number, record.kind, &record.external_id);
    let indexes = indexes(sealer, &source, record_ix, &record, bringer)?;
    let of_no_evidence = matches!(bringer, Bringer::Collected(Voice::Visitor) | Bringer::Subject(_));
    let card = if of_no_evidence || record.unread {
        // Anybody can say anything there: it is no evidence that somebody is somebody. And whose a correction is, is known.
        None
    } else {
        compared(edition, &source, &indexes, record.card)
    };
    let keys = card.as_ref().map_or_else(|| Ok(Vec::new()), |card| matching_keys(sealer, card))?;
    let terms = card.as_ref().map_or_else(|| Ok(Vec::new()), |card| Term::of(sealer, card))?;
    let clues = indexes.iter().filter_map(Indexed::clue).collect();
    let tombstones = indexes
        .iter()
        // What a person says now is no old data of theirs, even if their tombstone is dated ahead.
        .filter(|indexed| indexed.kind != IdentifierRow::RECORD && bringer != Bringer::Statement)
        // Whoever was erased that had it, it is everybody else's as well.
        .filter(|indexed| !is_collective(indexed.kind, indexed.flags))
        .map(|indexed| sealer.suppression(indexed.ix.into()).bytes())
        .collect();
    let address = record.kind == RecordKind::Order
        && record.identifiers.iter().any(|identifier| identifier.kind == IdentifierKind::Email);
    let verified = indexes.iter().any(|indexed| indexed.flags & IdentifierRow::VERIFIED != 0);
    let of = if let Bringer::Subject(of) = bringer { Some(of) } else { None };
    let facts = [
        (record.paid_order, RecordRow::PAID_ORDER),
        (address, RecordRow::ADDRESS_FROM_ORDER),
        (verified, RecordRow::VERIFIED),
        (of.is_some(), RecordRow::RECTIFICATION),
    ];
    let mut left_out = record.left_out;
    Ok(Prepared {
        kind: record.kind,
        version: record.version,
        record_ix,
        clues,
        own_tombstone: sealer.suppression(record_ix).bytes(),
        tombstones,
        content_mac: sealer.content_mac(record_ix, &record.parts),
        parts: record.parts,
        name: record.external_id,
        card,
        keys,
        terms,
        facts: facts.into_iter().filter_map(|(holds, bit)| holds.then_some(bit)).sum(),
        happened_at: record.occurred_at,
        contract_until: record.contract_until,
        source_until: source.terms.until(record.delivered_at, record.version),
        keep_until: record.keep_until.map(|keep| keep.until),
        claims: claims(edition, &source, record.consents, now, &mut left_out)?,
        left_out,
        unread: record.unread,
        first_wins: record.kind == RecordKind::Event && matches!(bringer, Bringer::Collected(_)),
        last_wins: bringer == Bringer::Reading,
        from_tracker: matches!(bringer, Bringer::Collected(_)),
        of,
        indexes,
        source,
    })
}

/// What of a record is compared, with the numbers that name one person: nothing without the purpose of matching, or
/// where the source does not allow it.
fn compared(edition: &Edition, source: &Source, indexes: &[Indexed], mut card: Card) -> Option<Card> {
    let purpose = MATCHING.parse().ok().and_then(|code: PurposeCode| edition.purpose(&code))?;
    if source.purposes.as_ref().is_some_and(|all| !all.contains(&purpose.code)) {
        return None;
    }
    for indexed in indexes {
        add_number(&mut card, source.number, (indexed.kind, indexed.ix, indexed.flags));
    }
    (!card.is_empty()).then_some(card)
}

/// Puts an identifier of a record on its card, if it is a number that names one person: its kind, blind index and flags. A customer
/// number under which several accounts stand names none.
pub(super) fn add_number(card: &mut Card, source: SourceNo, (number, ix, flags): (i16, [u8; 16], i16)) {
    let kind = match IdentifierKind::try_from(number) {
        Ok(IdentifierKind::CustomerNumber) => NumberKind::Customer,
        Ok(IdentifierKind::Account) => NumberKind::Account,
        _ => return,
    };
    let is_shared = kind == NumberKind::Customer && flags & IdentifierRow::GENERIC != 0;
    if is_shared || is_collective(number, flags) {
        return;
    }
    let verified = flags & IdentifierRow::VERIFIED != 0;
    card.add_number(Number { kind, source: Some(source), ix, verified });
}

/// Is it a customer number that books keep for everybody who has none? Any other joins, or did until it showed that many have it.
fn is_collective(kind: i16, flags: i16) -> bool {
    kind == IdentifierKind::CustomerNumber.number() && flags & (IdentifierRow::JOINS | IdentifierRow::GENERIC) == 0
}

/// Under which keys a card is found.
pub(super) fn matching_keys(sealer: &Sealer, card: &Card) -> Result<Vec<i64>, Error> {
    let mut keys = Vec::new();
    for (kind, value) in matching::keys(card) {
        keys.push(sealer.matching(kind.number(), &Personal::closed(value))?.short());
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// One row per index; a value whose lookup and matching forms are the same needs one row for both.
fn indexes(
    sealer: &Sealer,
    source: &Source,
    record_ix: BlindIndex,
    record: &Canonical,
    bringer: Bringer,
) -> Result<Vec<Indexed>, Error> {
    let mut indexes = vec![Indexed { ix: record_ix.bytes(), kind: IdentifierRow::RECORD, flags: 0, whose: 0 }];
    let mut add = |ix: BlindIndex, kind: IdentifierKind, flags: i16, whose: i32| {
        let ix = ix.bytes();
        match indexes.iter_mut().find(|known| known.ix == ix) {
            Some(known) => (known.flags, known.whose) = (known.flags | flags, known.whose | whose),
            None => indexes.push(Indexed { ix, kind: kind.number(), flags, whose }),
        }
    };
    let identifying = record.identifiers.iter().zip(&record.holders);
    for (identifier, holder) in identifying.filter(|(identifier, _)| bringer.may_identify(identifier.kind)) {
        let verified = if identifier.verified { IdentifierRow::VERIFIED } else { 0 };
        if identifier.lookup {
            let ix = sealer.lookup(identifier.kind, source.number, &identifier.value)?;
            let statement = if bringer == Bringer::Statement { IdentifierRow::STATEMENT } else { 0 };
            add(ix, identifier.kind, IdentifierRow::LOOKUP | verified | statement, 0);
        }
        if identifier.joins != Joins::Never {
            let ix = sealer.lookup(identifier.kind, source.number, &identifier.matching)?;
            add(ix, identifier.kind, IdentifierRow::JOINS | verified, whose(sealer, identifier, holder.as_ref())?);
        }
    }
    let joining = |indexed: &Indexed, kind: IdentifierKind| {
        indexed.kind == kind.number() && indexed.flags & IdentifierRow::JOINS != 0
    };
    // Of several the same one, in whatever order they are told.
    let account = indexes.iter().filter(|one| joining(one, IdentifierKind::Account)).map(|one| one.ix).min();
    if let Some([one, two, three, four, ..]) = account {
        let numbers = indexes.iter_mut().filter(|one| joining(one, IdentifierKind::CustomerNumber));
        // 0 says that there is none.
        numbers.for_each(|number| number.whose = i32::from_be_bytes([one, two, three, four]) | 1);
    }
    Ok(indexes)
}

/// The family name under a value that is the same at every source.
fn whose(sealer: &Sealer, identifier: &Identifier, holder: Option<&Personal>) -> Result<i32, Error> {
    let Some(holder) = holder.filter(|_| identifier.joins == Joins::People && identifier.lookup) else { return Ok(0) };
    let [one, two, three, four, ..] = sealer.matching(HOLDER, holder)?.bytes();
    // 0 says that there is no name.
    Ok(i32::from_be_bytes([one, two, three, four]) | 1)
}

impl Indexed {
    fn clue(&self) -> Option<Clue> {
        let kind = IdentifierKind::try_from(self.kind).ok()?;
        Some(Clue { kind, ix: self.ix, joins: self.flags & IdentifierRow::JOINS != 0, whose: self.whose })
    }
}

/// What a record says of consents. A vendor does not know which text its customers were shown; where the terms of its source do not
/// name it either, its yes proves nothing and is left out, and the rest of the record comes in.
fn claims(
    edition: &Edition,
    source: &Source,
    claims: Vec<ConsentClaim>,
    now: Timestamp,
    left_out: &mut Vec<Rejection>,
) -> Result<Vec<Claimed>, Error> {
    let mut all = Vec::with_capacity(claims.len());
    for (at, claim) in claims.into_iter().enumerate() {
        let purpose = edition.purpose(&claim.purpose).map(Arc::as_ref);
        let claimed = claimed(purpose, source, claim, now);
        match claimed.entry.validate(purpose) {
            Ok(()) => all.push(claimed),
            Err(problems) => {
                let rejection = rejected(&problems, at);
                let of_vendor = source.connector != PUSHED;
                if !(of_vendor && problems.iter().all(|problem| problem.code == "text_version_missing")) {
                    return Err(Error::Rejected(rejection));
                }
                left_out.push(rejection);
            }
        }
    }
    Ok(all)
}

fn claimed(purpose: Option<&Purpose>, source: &Source, claim: ConsentClaim, now: Timestamp) -> Claimed {
    let text_version = claim.text_version.or_else(|| source.terms.text_versions.get(&claim.purpose).cloned());
    let requested_at = claim.requested_at.unwrap_or(claim.at);
    let entry = Entry {
        act: claim.act,
        purpose: Some(claim.purpose),
        channel: claim.channel,
        // A yes from a clock that runs ahead must not be later than a no that is said after it came.
        at: if claim.act.is_no() { claim.at } else { claim.at.min(now) },
        recorded_at: now,
        // Both come when it is written.
        entry_no: EntryNo(0),
        origin: SubjectId::from_uuid(uuid::Uuid::nil()),
        text_version: text_version.map(Into::into),
        method: claim.method,
        proven: purpose.is_some_and(|purpose| proven(purpose, claim.method, claim.evidence.is_some())),
        confirmed: claim.method == Method::DoubleOptIn
            && purpose.is_some_and(|purpose| confirmed_in_time(purpose, requested_at, claim.confirmed_at)),
        // A form that names the purpose and is answered by the person's own act; a source cannot claim more.
        explicit: claim.act == Act::Granted
            && matches!(claim.method, Method::DoubleOptIn | Method::Checkbox | Method::Written | Method::Portal),
        parental: false,
    };
    let ConsentClaim { at: told_at, evidence, repeated, undated, .. } = claim;
    Claimed { entry, evidence, told_at, repeated, undated }
}

fn rejected(problems: &[crate::consent::Problem], at: usize) -> Rejection {
    let first = problems.first();
    Rejection {
        code: first.map_or("invalid_value", |problem| problem.code),
        pointer: format!("/consents/{at}{}", first.map_or("", |problem| problem.pointer)),
        detail: first.map_or_else(String::new, |problem| problem.text.to_string()),
    }
}

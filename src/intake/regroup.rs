//! Grouping everything anew: what records join, as if all had arrived at once.
//!
//! A record that arrives is compared with what is there, by what is known at that moment. Later ones may show that a name is
//! frequent after all, or that two groups do not fit. So everything is compared with everything that shares a matching
//! key, by the frequencies of all, and the strongest evidence joins first ([`matching::cluster`]). The same records give the
//! same groups, in whatever order they came. What differs is carried out, person by person: who does not belong is
//! taken out, who belongs is joined. Cut short at any point, another run does the rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::separate::{Out, Papers};
use super::walk::Open;
use super::{Error, Intake};
use crate::gateway::Caller;
use crate::graph::matching::{self, Bonds, Card, Clustering, Join, Model, Review, TermFrequencies};
use crate::graph::{self, Rule};
use crate::store::rows::{IdentifierRow, LinkRow, ReviewRow};
use crate::store::{Write, apart, cards, identifiers, links, reviews, subjects};
use crate::types::{IdMaker, IdentifierKind, RecordNo, ReviewId, SubjectId, Timestamp};

/// Changes carried out in one transaction.
const AT_ONCE: usize = 50;
/// Records under one value between which rules are looked at.
const UNDER_ONE: usize = 64;

/// Records up to which a hub groups everything anew by itself; the memory it takes for more is for the operator to give.
pub const BY_ITSELF: u64 = 200_000;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many records are opened.
    Opened(usize),
    /// So many of all changes are carried out.
    Changed(usize, usize),
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regrouped {
    /// Records that were compared.
    pub records: usize,
    /// Groups of records that were taken out of a person.
    pub parted: usize,
    /// People that were joined into others.
    pub joined: usize,
    /// Questions for somebody to decide.
    pub asked: usize,
}

/// That a record has a value which joins, or under which a statement was made: the record's place, and the value's kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    at: u32,
    kind: i16,
}

/// The uses of a value that bind its records together.
const BINDING: i16 = IdentifierRow::JOINS | IdentifierRow::STATEMENT;

/// What is to be done.
struct Plan {
    parts: Vec<(SubjectId, Vec<RecordNo>)>,
    joins: Vec<(RecordNo, RecordNo, Join)>,
    reviews: Vec<(RecordNo, RecordNo, Review)>,
}

impl Intake {
    /// Groups everything anew and carries out what differs.
    ///
    /// # Errors
    /// If the store or the vault fails. What was carried out stays; run it again.
    pub async fn regroup(&self, by: Option<&Caller>, mut progress: impl FnMut(Progress)) -> Result<Regrouped, Error> {
        let (mut open, mut after) = (Vec::new(), RecordNo(i64::MIN));
        while let Some((page, last)) = self.open_page(after).await? {
            open.extend(page);
            after = last;
            progress(Progress::Opened(open.len()));
        }
        let bonds = self.bonds(&open).await?;
        let model = self.model();
        let records = open.len();
        // It takes a while, and nobody else must wait for it.
        let plan = tokio::task::spawn_blocking(move || plan(&model, &open, &bonds));
        let plan = plan.await.map_err(|_| Error::Changed)?;
        let (mut done, mut regrouped) = (0, Regrouped { records, ..Regrouped::default() });
        let all = plan.parts.len() + plan.joins.len() + plan.reviews.len();
        for (person, records) in plan.parts {
            match self.separate(person, &Out::Records(records), &Papers::default(), by).await {
                Ok(parted) => regrouped.parted += parted.out.len(),
                // They changed or were erased meanwhile; or somebody has to decide.
                Err(Error::UnknownSubject | Error::NoPart | Error::Changed | Error::Corrected) => {}
                Err(failure) => return Err(failure),
            }
            done += 1;
            progress(Progress::Changed(done, all));
        }
        let (joins, reviews) = (Arc::new(plan.joins), Arc::new(plan.reviews));
        for from in (0..joins.len()).step_by(AT_ONCE) {
            let (joins, now) = (joins.clone(), self.clock.now());
            let work = move |write: &mut Write<'_>| {
                let some = joins.iter().skip(from).take(AT_ONCE);
                some.map(|join| joined(write, join, now)).sum::<Result<usize, Error>>()
            };
            regrouped.joined += self.store.write(work).await?;
            done = (done + AT_ONCE).min(all);
            progress(Progress::Changed(done, all));
        }
        for from in (0..reviews.len()).step_by(AT_ONCE) {
            let (reviews, ids, now) = (reviews.clone(), self.ids.clone(), self.clock.now());
            let work = move |write: &mut Write<'_>| {
                let some = reviews.iter().skip(from).take(AT_ONCE);
                some.map(|review| asked(write, &ids, review, now)).sum::<Result<usize, Error>>()
            };
            regrouped.asked += self.store.write(work).await?;
            done = (done + AT_ONCE).min(all);
            progress(Progress::Changed(done, all));
        }
        Ok(regrouped)
    }

    /// What is settled before anything is compared: by rules, and by what somebody decided.
    async fn bonds(&self, open: &[Open]) -> Result<Bonds, Error> {
        let place: HashMap<RecordNo, u32> = (0..).zip(open).map(|(at, open)| (open.record, at)).collect();
        let numbers: Vec<RecordNo> = open.iter().map(|open| open.record).collect();
        let (values, decided, marks) = self
            .store
            .read_apart(move |read| {
                let mut values: HashMap<[u8; 16], Vec<Held>> = HashMap::new();
                for (some, from) in numbers.chunks(500).zip((0..).step_by(500)) {
                    let rows = identifiers::of_records(read.records(), some)?;
                    for row in rows.iter().filter(|row| row.use_flags & BINDING != 0) {
                        let Ok(ix) = <[u8; 16]>::try_from(row.ix.as_slice()) else { continue };
                        let at = some.binary_search(&row.record_no).ok().and_then(|at| u32::try_from(from + at).ok());
                        values.entry(ix).or_default().extend(at.map(|at| Held { at, kind: row.kind }));
                    }
                }
                let decided = links::by_rule(read.records(), Rule::Decided.number())?;
                let marks = apart::all(read.records())?;
                Ok::<_, crate::store::Error>((values, decided, marks))
            })
            .await?;
        let model = self.model();
        let mut bonds = Bonds::default();
        // In an order that does not depend on arrival.
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable_by_key(|(ix, _)| *ix);
        for (_, mut held) in values {
            held.sort_unstable();
            held.truncate(UNDER_ONE);
            bonds.together.extend(by_rule(&model, open, &held));
        }
        let placed = |one: RecordNo, other: RecordNo| place.get(&one).copied().zip(place.get(&other).copied());
        bonds.together.extend(decided.into_iter().filter_map(|(one, other)| placed(one, other)));
        let mut of: HashMap<SubjectId, BTreeSet<u32>> = HashMap::new();
        for (at, open) in (0..).zip(open) {
            of.entry(open.part).or_default().insert(at);
            of.entry(open.person).or_default().insert(at);
        }
        for (one, other) in marks {
            let none = BTreeSet::new();
            let (ones, others) = (of.get(&one).unwrap_or(&none), of.get(&other).unwrap_or(&none));
            bonds.apart.extend(ones.iter().flat_map(|one| others.iter().map(move |other| (*one, *other))));
        }
        bonds.apart.retain(|(one, other)| one != other);
        Ok(bonds)
    }
}

/// The pairs under one value that a rule joins. Where it shows that several people share it, only those are joined whose
/// given names say so.
fn by_rule(model: &Model, open: &[Open], under: &[Held]) -> Vec<(u32, u32)> {
    let Some(first) = under.first().filter(|_| under.len() > 1) else { return Vec::new() };
    let certain = matches!(
        IdentifierKind::try_from(first.kind),
        Ok(IdentifierKind::CustomerNumber | IdentifierKind::Account | IdentifierKind::Relay)
    );
    let star = || under.iter().skip(1).map(|held| (first.at, held.at)).collect();
    if certain {
        return star();
    }
    let card = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at)).map(|open| &open.card);
    let frequencies = TermFrequencies::new(u64::try_from(open.len()).unwrap_or(u64::MAX));
    let (mut shared, mut alike) = (false, Vec::new());
    for (at, one) in under.iter().enumerate() {
        for other in under.iter().take(at) {
            let Some((ours, theirs)) = card(one.at).zip(card(other.at)) else { continue };
            let waterfall = model.score(ours, theirs, &frequencies);
            shared |= waterfall.contradicts();
            if !waterfall.contradicts() && waterfall.names_alike() {
                alike.push((other.at, one.at));
            }
        }
    }
    if shared { alike } else { star() }
}

/// Compares everything, and says what differs from how it is.
fn plan(model: &Model, open: &[Open], bonds: &Bonds) -> Plan {
    let cards: Vec<&Card> = open.iter().map(|open| &open.card).collect();
    let frequencies = TermFrequencies::count(cards.iter().copied());
    let Clustering { groups, joins, reviews } =
        matching::cluster(model, &frequencies, &cards, &candidates(open), bonds);
    let of = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at));
    let mut of_person: BTreeMap<SubjectId, Vec<Vec<RecordNo>>> = BTreeMap::new();
    for group in groups {
        let mut theirs: BTreeMap<SubjectId, Vec<RecordNo>> = BTreeMap::new();
        for open in group.into_iter().filter_map(of) {
            theirs.entry(open.person).or_default().push(open.record);
        }
        for (person, mut records) in theirs {
            records.sort_unstable();
            of_person.entry(person).or_default().push(records);
        }
    }
    let mut parts = Vec::new();
    for (person, mut groups) in of_person {
        // The group with the oldest record stays.
        groups.sort_unstable();
        parts.extend(groups.into_iter().skip(1).map(|records| (person, records)));
    }
    let pair = |(one, other): (u32, u32)| Some((of(one)?.record, of(other)?.record));
    let joins = joins.into_iter().filter_map(|join| pair(join.pair).map(|(one, other)| (one, other, join)));
    let reviews = reviews.into_iter().filter_map(|review| pair(review.pair).map(|(one, other)| (one, other, review)));
    Plan { parts, joins: joins.collect(), reviews: reviews.collect() }
}

/// Pairs that share a matching key few enough records have.
fn candidates(open: &[Open]) -> Vec<(u32, u32)> {
    let mut blocks: HashMap<i64, Vec<u32>> = HashMap::new();
    for (at, open) in (0..).zip(open) {
        for key in &open.keys {
            blocks.entry(*key).or_default().push(at);
        }
    }
    let mut pairs = Vec::new();
    for block in blocks.values().filter(|block| block.len() <= cards::BLOCK) {
        for (at, other) in block.iter().enumerate() {
            pairs.extend(block.iter().take(at).map(|one| (*one, *other)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Joins the people of two records, if they are two and nobody decided otherwise.
fn joined(
    write: &mut Write<'_>,
    (one, other, join): &(RecordNo, RecordNo, Join),
    now: Timestamp,
) -> Result<usize, Error> {
    let Some((ours, theirs)) = people_of(write, *one, *other)? else { return Ok(0) };
    if ours == theirs || graph::are_apart(write, ours, theirs)? {
        return Ok(0);
    }
    subjects::lock(write, &[ours, theirs])?;
    let (into, from) = (ours.min(theirs), ours.max(theirs));
    let link = LinkRow {
        merged_from: Some(from.into()),
        other_no: other.0,
        weight: join.waterfall.total.0,
        waterfall: super::compare::text(&join.waterfall),
        ..LinkRow::by_rule(into, into.part(), *one, Rule::Compared.number(), None, now)
    };
    graph::merge_by(write, from, link)?;
    Ok(1)
}

/// Asks about two records, if their people are two and nobody decided otherwise.
fn asked(
    write: &mut Write<'_>,
    ids: &IdMaker,
    (one, other, review): &(RecordNo, RecordNo, Review),
    now: Timestamp,
) -> Result<usize, Error> {
    let Some((ours, theirs)) = people_of(write, *one, *other)? else { return Ok(0) };
    if ours == theirs || graph::are_apart(write, ours, theirs)? {
        return Ok(0);
    }
    let pair = [(*one, ours), (*other, theirs)];
    let [(one_no, one_id), (other_no, other_id)] = if one < other { pair } else { [pair[1], pair[0]] };
    let row = ReviewRow {
        review_id: ReviewId::from_uuid(ids.uuid().map_err(crate::store::Error::from)?),
        one_no,
        one_id,
        other_no,
        other_id,
        weight: review.waterfall.total.0,
        waterfall: super::compare::text(&review.waterfall),
        state: reviews::OPEN,
        made_at: now,
        decided_at: Timestamp::UNSET,
    };
    reviews::ask(write, row)?;
    Ok(1)
}

/// Whose two records are now; none if one of them is gone.
fn people_of(write: &mut Write<'_>, one: RecordNo, other: RecordNo) -> Result<Option<(SubjectId, SubjectId)>, Error> {
    let found = cards::of_records(write.records(), &[one, other])?;
    let whose = |record: RecordNo| found.iter().find(|card| card.record_no == record).map(|card| card.subject_id);
    let Some((ours, theirs)) = whose(one).zip(whose(other)) else { return Ok(None) };
    let mut now = Vec::with_capacity(2);
    for person in [ours, theirs] {
        now.extend(subjects::living(write.records(), person)?.map(|row| row.subject_id));
    }
    Ok(if let [ours, theirs] = now[..] { Some((ours, theirs)) } else { None })
}

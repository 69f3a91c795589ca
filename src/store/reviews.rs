//! Pairs of records that may be of one person and wait for somebody to decide.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;

use super::among::among;
use super::connection::{Connection, on};
use super::rows::ReviewRow;
use super::schema::{card, review};
use super::{Error, Write};
use crate::types::{RecordNo, ReviewId, SubjectId, Timestamp};

/// Waiting.
pub const OPEN: i16 = 1;
/// Somebody looked: they are of two.
pub const NOT_SAME: i16 = 3;
/// Somebody looked and could not tell.
pub const UNSURE: i16 = 4;
/// Waiting behind another question about the same two people, or until the one person they are is taken apart.
pub const HELD: i16 = 5;
/// Not answered.
const STANDING: [i16; 3] = [OPEN, UNSURE, HELD];
/// How much more, in thousandths of a bit, has to be known for a pair somebody could not tell about to be asked about again.
const NEWS: i32 = 2_000;
/// How many questions wait for an answer about two people, or behind the one that does, when another comes. A customer may have
/// hundreds of records that are each like somebody else's, and each could ask for itself.
const WAITING: usize = 8;

/// One pair.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, id: ReviewId) -> Result<Option<ReviewRow>, Error> {
    Ok(on!(connection, |c| review::table
        .filter(review::review_id.eq(Vec::from(id)))
        .select(ReviewRow::as_select())
        .first(c)
        .optional())?)
}

/// Up to `limit` open pairs after `after`, in the order of their making.
///
/// # Errors
/// If the shelf cannot be read.
pub fn open(connection: &mut Connection, after: Option<ReviewId>, limit: i64) -> Result<Vec<ReviewRow>, Error> {
    Ok(on!(connection, |c| review::table
        .filter(review::state.eq(OPEN).and(review::review_id.gt(after.map(Vec::from).unwrap_or_default())))
        .order(review::review_id)
        .limit(limit)
        .select(ReviewRow::as_select())
        .load(c))?)
}

/// As [`open`], those that wait behind another included.
///
/// # Errors
/// If the shelf cannot be read.
pub fn waiting(connection: &mut Connection, after: Option<ReviewId>, limit: i64) -> Result<Vec<ReviewRow>, Error> {
    Ok(on!(connection, |c| review::table
        .filter(review::state.eq_any([OPEN, HELD]))
        .filter(review::review_id.gt(after.map(Vec::from).unwrap_or_default()))
        .order(review::review_id)
        .limit(limit)
        .select(ReviewRow::as_select())
        .load(c))?)
}

/// Asks about pairs as their records arrive; see [`ask`].
///
/// # Errors
/// If they cannot be written.
pub fn ask_all(write: &mut Write<'_>, rows: Vec<(ReviewRow, RecordNo)>) -> Result<(), Error> {
    rows.into_iter().try_for_each(|(row, arrived)| ask(write, row, Weighed::Record(arrived)))
}

/// What was weighed now. Whatever was asked about it before was weighed by what was known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighed {
    /// One record, against all it may be one with.
    Record(RecordNo),
    /// Everything there is, against everything.
    All {
        /// Since when; what was asked later is news.
        since: Timestamp,
    },
}

/// What is compared of a question that is not answered.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = review)]
struct Known {
    #[diesel(deserialize_as = Vec<u8>)]
    review_id: ReviewId,
    #[diesel(deserialize_as = i64)]
    one_no: RecordNo,
    #[diesel(deserialize_as = Vec<u8>)]
    one_id: SubjectId,
    #[diesel(deserialize_as = i64)]
    other_no: RecordNo,
    #[diesel(deserialize_as = Vec<u8>)]
    other_id: SubjectId,
    weight: i32,
    waterfall: String,
    state: i16,
    #[diesel(deserialize_as = i64)]
    made_at: Timestamp,
}

/// How soon something is asked: what is most alike first, and of as much what the levels of agreement say, which do not depend on what
/// came first.
type Rank<'a> = (i32, &'a str);

fn rank(weight: i32, waterfall: &str) -> Rank<'_> {
    (weight.saturating_neg(), waterfall)
}

impl Known {
    fn rank(&self) -> Rank<'_> {
        rank(self.weight, &self.waterfall)
    }

    /// The order in which people are asked. Of two questions that say the same it is no matter which, but it must be one.
    fn place(&self) -> (Rank<'_>, RecordNo, RecordNo) {
        (self.rank(), self.one_no, self.other_no)
    }

    const fn waits(&self) -> bool {
        self.state != UNSURE
    }

    /// Somebody could not tell. Is clearly more known now?
    const fn is_outweighed_by(&self, weight: i32) -> bool {
        self.weight.saturating_add(NEWS) <= weight
    }

    /// Was it weighed before this was?
    fn is_of_before(&self, weighed: Weighed) -> bool {
        match weighed {
            Weighed::Record(record) => self.one_no == record || self.other_no == record,
            Weighed::All { since } => self.made_at < since,
        }
    }
}

/// Asks about a pair of records, by the same rule as they arrive and when everything is grouped anew. A pair that was decided stays so. Of
/// two people who never were several one question is kept, about the records that are most alike, and of two who are merged one of each
/// two parts, of which one is asked: the eight likeliest are kept, and the others are found again when everything is grouped anew. What
/// was likelier before what is `weighed` now is not any more. A question about other records, or with another weight, is another one: an
/// id stands for what was shown under it. Where somebody could not tell, it is asked again only if clearly more is known by now.
///
/// # Errors
/// If it cannot be written.
pub fn ask(write: &mut Write<'_>, row: ReviewRow, weighed: Weighed) -> Result<(), Error> {
    let known = between(write.records(), (row.one_id, row.other_id))?;
    if known.is_empty() {
        return insert(write, row);
    }
    let asked = known.iter().flat_map(|known| [known.one_no.0, known.other_no.0]).chain([row.one_no.0, row.other_no.0]);
    let parts = parts(write.records(), asked.collect())?;
    let of = |one: RecordNo, other: RecordNo| {
        let [one, other] = [one, other].map(|record| parts.get(&record).copied());
        (one.min(other), one.max(other))
    };
    let (own, people) = (of(row.one_no, row.other_no), (row.one_id, row.other_id));
    let this = rank(row.weight, &row.waterfall);
    let (mut stays, mut before, mut gone, mut others) = (false, Vec::new(), Vec::new(), Vec::new());
    for known in known {
        let outdated = known.waits() && known.rank() < this && known.is_of_before(weighed);
        if of(known.one_no, known.other_no) == own {
            let more = outdated || if known.waits() { this < known.rank() } else { known.is_outweighed_by(row.weight) };
            stays = stays || !more;
            if known.waits() && known.place() == (this, row.one_no, row.other_no) {
                weigh_again(write, known.review_id, row.made_at)?;
            }
            if outdated {
                gone.push(known.review_id);
            } else {
                before.push(known.review_id);
            }
        } else if outdated {
            gone.push(known.review_id);
        } else if known.waits() {
            others.push(known);
        }
    }
    let last = others.iter().max_by_key(|known| known.place()).filter(|_| others.len() >= WAITING);
    let late = last.is_some_and(|last| last.place() < (this, row.one_no, row.other_no));
    let asked = !stays && !late && !is_decided(write.records(), (row.one_no, row.other_no))?;
    if asked {
        gone.append(&mut before);
        gone.extend(last.map(|last| last.review_id));
    }
    let changed = asked || !gone.is_empty();
    gone.into_iter().try_for_each(|id| delete(write, id))?;
    if asked {
        insert(write, ReviewRow { state: HELD, ..row })?;
    }
    if changed { settle(write, people) } else { Ok(()) }
}

/// What is asked was weighed again, and says what it said.
fn weigh_again(write: &mut Write<'_>, id: ReviewId, at: Timestamp) -> Result<(), Error> {
    let question = review::table.filter(review::review_id.eq(Vec::from(id)));
    on!(write.records(), |c| diesel::update(question).set(review::made_at.eq(at.micros())).execute(c))?;
    Ok(())
}

/// Was it answered once whether these two records are of one person?
fn is_decided(connection: &mut Connection, (one, other): (RecordNo, RecordNo)) -> Result<bool, Error> {
    let pair = review::one_no.eq(one.0).and(review::other_no.eq(other.0)).and(review::state.ne_all(STANDING));
    let found: i64 = on!(connection, |c| review::table.filter(pair).count().get_result(c))?;
    Ok(found > 0)
}

/// For whom each of these records was sealed.
fn parts(connection: &mut Connection, records: Vec<i64>) -> Result<HashMap<RecordNo, SubjectId>, Error> {
    let rows: Vec<(i64, Vec<u8>)> = on!(connection, |c| card::table
        .filter(among(card::record_no, records))
        .select((card::record_no, card::sealed_for))
        .load(c))?;
    rows.iter().map(|(record, part)| Ok((RecordNo(*record), SubjectId::from_slice(part)?))).collect()
}

/// Of the questions about two people the one about the records that are most alike is asked, unless somebody could not tell and
/// hardly more is known; the others are held. Of one person none is asked.
fn settle(write: &mut Write<'_>, (one, other): (SubjectId, SubjectId)) -> Result<(), Error> {
    let known = between(write.records(), (one, other))?;
    let unsure = known.iter().filter(|row| row.state == UNSURE).map(|row| row.weight.saturating_add(NEWS)).max();
    let waiting = || known.iter().filter(|row| row.waits());
    let first = waiting().min_by_key(|row| row.place());
    let asked = first.filter(|first| one != other && unsure.is_none_or(|unsure| unsure <= first.weight));
    for row in waiting() {
        let state = if asked.is_some_and(|asked| asked.review_id == row.review_id) { OPEN } else { HELD };
        if row.state != state {
            let question = review::table.filter(review::review_id.eq(Vec::from(row.review_id)));
            on!(write.records(), |c| diesel::update(question).set(review::state.eq(state)).execute(c))?;
        }
    }
    Ok(())
}

fn insert(write: &mut Write<'_>, row: ReviewRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(review::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// These records are `into`'s now: what is not answered about them is about that person. Nothing of it is lost, so that it is there
/// again if they are taken apart.
///
/// # Errors
/// If they cannot be written.
pub fn follow(write: &mut Write<'_>, records: &[RecordNo], into: SubjectId) -> Result<(), Error> {
    let mut about: BTreeSet<(SubjectId, SubjectId)> = BTreeSet::new();
    for row in standing_of(write.records(), records)? {
        let now = |record: RecordNo, was: SubjectId| if records.contains(&record) { into } else { was };
        let (one, other) = (now(row.one_no, row.one_id), now(row.other_no, row.other_id));
        // The person they leave may have others about the same.
        about.insert((row.one_id.min(row.other_id), row.one_id.max(row.other_id)));
        about.insert((one.min(other), one.max(other)));
        let question = review::table.filter(review::review_id.eq(Vec::from(row.review_id)));
        on!(write.records(), |c| diesel::update(question)
            .set((review::one_id.eq(Vec::from(one)), review::other_id.eq(Vec::from(other))))
            .execute(c))?;
    }
    about.into_iter().try_for_each(|people| settle(write, people))
}

/// Removes what two people are asked about, or were said to be one by: it is answered.
///
/// # Errors
/// If it cannot be written.
pub fn answered(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<(), Error> {
    for (one, other) in [(one, other), (other, one)] {
        let pair = review::one_id.eq(Vec::from(one)).and(review::other_id.eq(Vec::from(other)));
        on!(write.records(), |c| diesel::delete(review::table.filter(review::state.eq_any(STANDING).and(pair)))
            .execute(c))?;
    }
    Ok(())
}

/// What is not answered about these records.
fn standing_of(connection: &mut Connection, records: &[RecordNo]) -> Result<Vec<Known>, Error> {
    let mut all = BTreeMap::new();
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let about = review::one_no.eq_any(numbers.clone()).or(review::other_no.eq_any(numbers));
        let rows: Vec<Known> = on!(connection, |c| review::table
            .filter(review::state.eq_any(STANDING).and(about))
            .select(Known::as_select())
            .load(c))?;
        all.extend(rows.into_iter().map(|row| (row.review_id, row)));
    }
    Ok(all.into_values().collect())
}

/// What is not answered about two people.
fn between(connection: &mut Connection, (one, other): (SubjectId, SubjectId)) -> Result<Vec<Known>, Error> {
    let mut found = Vec::new();
    for (one, other) in BTreeSet::from([(one, other), (other, one)]) {
        let pair = review::one_id.eq(Vec::from(one)).and(review::other_id.eq(Vec::from(other)));
        let rows: Vec<Known> = on!(connection, |c| review::table
            .filter(review::state.eq_any(STANDING).and(pair))
            .select(Known::as_select())
            .load(c))?;
        found.extend(rows);
    }
    Ok(found)
}

/// Is something about these two people not answered?
///
/// # Errors
/// If the shelf cannot be read.
pub fn is_asked(connection: &mut Connection, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
    Ok(!between(connection, (one, other))?.is_empty())
}

/// What somebody is asked about, and is not answered.
pub struct Asked {
    /// Who may be one with those it is about.
    pub person: SubjectId,
    /// How much the two records say for it, in thousandths of a bit.
    pub weight: i32,
    /// What they say.
    pub waterfall: String,
}

/// With whom somebody may be one who has these records: something about the two is not answered. Of each other person as often as it is
/// asked.
///
/// # Errors
/// If the shelf cannot be read.
pub fn asked_about(connection: &mut Connection, records: &[RecordNo]) -> Result<Vec<Asked>, Error> {
    let about = standing_of(connection, records)?;
    let asked = |row: Known| {
        let person = if records.contains(&row.one_no) { row.other_id } else { row.one_id };
        Asked { person, weight: row.weight, waterfall: row.waterfall }
    };
    Ok(about.into_iter().map(asked).collect())
}

/// The records that something is asked about together with this one, up to `most`, the likeliest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn asked_with(connection: &mut Connection, record: RecordNo, most: i64) -> Result<Vec<RecordNo>, Error> {
    let about = review::one_no.eq(record.0).or(review::other_no.eq(record.0));
    let rows: Vec<(i64, i64)> = on!(connection, |c| review::table
        .filter(review::state.eq_any(STANDING).and(about))
        .order((review::weight.desc(), review::one_no, review::other_no))
        .limit(most)
        .select((review::one_no, review::other_no))
        .load(c))?;
    Ok(rows.into_iter().map(|(one, other)| RecordNo(if one == record.0 { other } else { one })).collect())
}

/// The pairs of records that something is asked about and not answered.
///
/// # Errors
/// If the shelf cannot be read.
pub fn standing(connection: &mut Connection) -> Result<Vec<(RecordNo, RecordNo)>, Error> {
    let rows: Vec<(i64, i64)> = on!(connection, |c| review::table
        .filter(review::state.eq_any(STANDING))
        .select((review::one_no, review::other_no))
        .load(c))?;
    Ok(rows.into_iter().map(|(one, other)| (RecordNo(one), RecordNo(other))).collect())
}

/// Takes a question back that nobody answered. What waited behind it is asked now.
///
/// # Errors
/// If it cannot be written.
pub fn close(write: &mut Write<'_>, row: &ReviewRow) -> Result<(), Error> {
    let waiting = review::state.eq_any([OPEN, HELD]);
    let question = review::table.filter(review::review_id.eq(Vec::from(row.review_id)).and(waiting));
    on!(write.records(), |c| diesel::delete(question).execute(c))?;
    settle(write, (row.one_id, row.other_id))
}

fn delete(write: &mut Write<'_>, id: ReviewId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(review::table.filter(review::review_id.eq(Vec::from(id)))).execute(c))?;
    Ok(())
}

/// Sets where a pair stands. False if it does not stand at `from`.
///
/// # Errors
/// If it cannot be written.
pub fn decide(write: &mut Write<'_>, id: ReviewId, from: i16, to: i16, now: Timestamp) -> Result<bool, Error> {
    let pair = review::table.filter(review::review_id.eq(Vec::from(id)).and(review::state.eq(from)));
    let changed = on!(write.records(), |c| diesel::update(pair)
        .set((review::state.eq(to), review::decided_at.eq(now.micros())))
        .execute(c))?;
    Ok(changed == 1)
}

/// Removes the pairs these records are of.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    let about: BTreeSet<(SubjectId, SubjectId)> =
        standing_of(write.records(), records)?.into_iter().map(|row| (row.one_id, row.other_id)).collect();
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::delete(
            review::table.filter(review::one_no.eq_any(numbers.clone()).or(review::other_no.eq_any(numbers)))
        )
        .execute(c))?;
    }
    // Another may wait behind them.
    about.into_iter().try_for_each(|people| settle(write, people))
}

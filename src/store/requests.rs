//! Data-subject requests and how they ended.

use diesel::prelude::*;
use serde_json::Value;

use super::connection::{Connection, on};
use super::schema::{notice, request, source_erasure};
use super::source_erasures::SourceErasureRow;
use super::{Error, Write};
use crate::types::{Part, RequestId, SubjectId, Timestamp};

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = request)]
pub struct RequestRow {
    /// Its id.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub request_id: RequestId,
    /// Which right; the rights room names the numbers.
    pub kind: i16,
    /// Where it stands; the rights room names the numbers.
    pub state: i16,
    /// The partition of `subject_id`.
    pub part: Part,
    /// The person.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// When it reached the merchant.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub received_at: Timestamp,
    /// When the answer is due (Art. 12(3) GDPR).
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub due_at: Timestamp,
    /// When it was answered; unset: not yet.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub answered_at: Timestamp,
    /// The outcome as JSON, without personal values.
    pub outcome: String,
}

/// Under which name an outcome lists who was taken out of the person.
const PARTS: &str = "apart";

impl RequestRow {
    /// Adds to the outcome who was taken out of the person, and how many they are.
    pub fn name_parts(&mut self, parts: &[SubjectId]) {
        if let Ok(Value::Object(mut outcome)) = serde_json::from_str(&self.outcome) {
            outcome.insert("parts".to_owned(), parts.len().into());
            outcome.insert(PARTS.to_owned(), parts.iter().map(ToString::to_string).collect());
            self.outcome = Value::Object(outcome).to_string();
        }
    }

    /// Who was taken out of the person, as far as the outcome names them.
    #[must_use]
    pub fn parts(&self) -> Vec<SubjectId> {
        let outcome = serde_json::from_str::<Value>(&self.outcome).ok();
        let parts = outcome.and_then(|mut outcome| outcome.get_mut(PARTS).map(Value::take));
        parts.and_then(|parts| serde_json::from_value(parts).ok()).unwrap_or_default()
    }
}

/// The requests of a kind of these people, in the order of their making.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, people: &[SubjectId], kind: i16) -> Result<Vec<RequestRow>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| id.bytes().to_vec()).collect();
    Ok(on!(connection, |c| request::table
        .filter(request::subject_id.eq_any(ids).and(request::kind.eq(kind)))
        .order(request::request_id)
        .select(RequestRow::as_select())
        .load(c))?)
}

/// One request.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, id: RequestId) -> Result<Option<RequestRow>, Error> {
    Ok(on!(connection, |c| request::table
        .filter(request::request_id.eq(Vec::from(id)))
        .select(RequestRow::as_select())
        .first(c)
        .optional())?)
}

/// The first request of a kind that stands in one of these states, of a person or of whoever was merged into them: a request keeps
/// the id it was made under.
///
/// # Errors
/// If the shelf cannot be read.
pub fn waiting(
    connection: &mut Connection,
    of: SubjectId,
    kind: i16,
    states: &[i16],
) -> Result<Option<RequestId>, Error> {
    let merged = super::subjects::merged_into(connection, of)?;
    let ids: Vec<Vec<u8>> = merged.iter().chain([&of]).map(|id| id.bytes().to_vec()).collect();
    let theirs = request::subject_id.eq_any(ids).and(request::kind.eq(kind));
    let found: Option<RequestRow> = on!(connection, |c| request::table
        .filter(theirs.and(request::state.eq_any(states.to_vec())))
        .order(request::request_id)
        .select(RequestRow::as_select())
        .first(c)
        .optional())?;
    Ok(found.map(|row| row.request_id))
}

/// Up to `limit` requests after `after`, in the order of their ids, which is the order of their making.
///
/// # Errors
/// If the shelf cannot be read.
pub fn page(connection: &mut Connection, after: Option<RequestId>, limit: i64) -> Result<Vec<RequestRow>, Error> {
    Ok(on!(connection, |c| request::table
        .filter(request::request_id.gt(after.map(Vec::from).unwrap_or_default()))
        .order(request::request_id)
        .limit(limit)
        .select(RequestRow::as_select())
        .load(c))?)
}

/// All requests of this kind that stand there; the rights room names the numbers.
///
/// # Errors
/// If the shelf cannot be read.
pub fn standing(connection: &mut Connection, kind: i16, state: i16) -> Result<Vec<RequestRow>, Error> {
    Ok(on!(connection, |c| request::table
        .filter(request::kind.eq(kind).and(request::state.eq(state)))
        .order(request::request_id)
        .select(RequestRow::as_select())
        .load(c))?)
}

/// Adds a request.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: RequestRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(request::table).values(row).execute(c))?;
    Ok(())
}

/// Moves a request on.
///
/// # Errors
/// If it cannot be written.
pub fn update(write: &mut Write<'_>, row: &RequestRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(request::table.filter(request::request_id.eq(Vec::from(row.request_id))))
        .set((
            request::state.eq(row.state),
            request::due_at.eq(row.due_at.micros()),
            request::answered_at.eq(row.answered_at.micros()),
            request::outcome.eq(&row.outcome)
        ))
        .execute(c))?;
    Ok(())
}

/// Has one of these people a request that stands at one of `states`?
///
/// # Errors
/// If the shelf cannot be read.
pub fn any_of(connection: &mut Connection, people: &[SubjectId], states: &[i16]) -> Result<bool, Error> {
    let people: Vec<Vec<u8>> = people.iter().map(|id| id.bytes().to_vec()).collect();
    let count: i64 = on!(connection, |c| request::table
        .filter(request::subject_id.eq_any(people).and(request::state.eq_any(states.to_vec())))
        .count()
        .get_result(c))?;
    Ok(count > 0)
}

/// The requests of which a vendor holds something until a day: they are not over.
fn held(connection: &mut Connection) -> Result<Vec<Vec<u8>>, Error> {
    Ok(on!(connection, |c| source_erasure::table
        .filter(source_erasure::state.eq(SourceErasureRow::HELD))
        .select(source_erasure::request_id)
        .distinct()
        .load(c))?)
}

/// How many requests were answered or refused before `before`, and are over.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count_closed(connection: &mut Connection, before: Timestamp) -> Result<usize, Error> {
    let held = held(connection)?;
    let count: i64 = on!(connection, |c| request::table
        .filter(request::answered_at.gt(0).and(request::answered_at.lt(before.micros())))
        .filter(request::request_id.ne_all(held.clone()))
        .count()
        .get_result(c))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Deletes the requests that were answered or refused before `before`, and are over, with recipients and vendors, and says how many.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_closed(write: &mut Write<'_>, before: Timestamp) -> Result<usize, Error> {
    let held = held(write.records())?;
    let ids: Vec<Vec<u8>> = on!(write.records(), |c| request::table
        .filter(request::answered_at.gt(0).and(request::answered_at.lt(before.micros())))
        .filter(request::request_id.ne_all(held.clone()))
        .select(request::request_id)
        .load(c))?;
    for ids in ids.chunks(500) {
        let (of, asked, these) = (ids.to_vec(), ids.to_vec(), ids.to_vec());
        on!(write.records(), |c| diesel::delete(notice::table.filter(notice::request_id.eq_any(of))).execute(c))?;
        let asked = source_erasure::request_id.eq_any(asked);
        on!(write.records(), |c| diesel::delete(source_erasure::table.filter(asked)).execute(c))?;
        on!(write.records(), |c| diesel::delete(request::table.filter(request::request_id.eq_any(these))).execute(c))?;
    }
    Ok(ids.len())
}

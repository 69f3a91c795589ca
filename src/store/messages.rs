//! What subscribers are told: messages that wait to arrive. Who they are is in [`super::subscribers`].

use diesel::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::connection::{Connection, on};
use super::rows::SubjectRows;
use super::schema::{message, subscriber};
use super::subscribers::{self, SubscriberRow};
use super::{Error, Write};
use crate::types::{SourceNo, SubjectId, Timestamp};

/// One message to one subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message)]
pub struct MessageRow {
    /// The subscriber.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// What tells the happening from every other, 16 bytes.
    pub event_id: Vec<u8>,
    /// What happened.
    pub topic: String,
    /// The message as JSON; empty once it arrived or was given up.
    pub body: String,
    /// [`MessageRow::WAITS`] and its neighbours.
    pub state: i16,
    /// How often it was sent.
    pub attempts: i32,
    /// When it is sent next.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub next_at: Timestamp,
    /// Until when a process is at it; unset: nobody is.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub lease_until: Timestamp,
    /// When it happened.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
    /// When it was sent the last time.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub changed_at: Timestamp,
    /// Why that failed.
    pub cause: String,
}

impl MessageRow {
    /// It is sent, or sent again.
    pub const WAITS: i16 = 1;
    /// It arrived.
    pub const ARRIVED: i16 = 2;
    /// It was sent often enough.
    pub const GIVEN_UP: i16 = 3;

    /// The people it names.
    #[must_use]
    pub fn subjects(&self) -> Vec<SubjectId> {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        let data = body.get("data");
        let list = |name: &str| data.and_then(|data| data.get(name)?.as_array()).into_iter().flatten();
        list("subject_ids").chain(list("into")).filter_map(|id| id.as_str()?.parse().ok()).collect()
    }
}

/// The topics a subscriber can choose.
pub const TOPICS: [&str; 6] = [ERASED, SPLIT, WITHDRAWN, OBJECTED, RESTRICTED, CHANGED];
/// A person was erased (Art. 17, 19 GDPR).
pub const ERASED: &str = "subject.erased";
/// Who was taken for one person is several (Art. 16, 19 GDPR).
pub const SPLIT: &str = "subject.split";
/// A consent was taken back or refused (Art. 7(3) GDPR).
pub const WITHDRAWN: &str = "consent.withdrawn";
/// A person objected (Art. 21 GDPR).
pub const OBJECTED: &str = "objection.recorded";
/// Processing was restricted, or that ended (Art. 18, 19 GDPR).
pub const RESTRICTED: &str = "restriction.changed";
/// A consent was given, or an objection taken back.
pub const CHANGED: &str = "consent.changed";

/// Something subscribers are told. It names people by the hub's own ids, which recipients have from their readings.
#[derive(Clone, Debug)]
pub struct News<'n> {
    /// What tells it from every other; the same when it is told again.
    pub id: [u8; 16],
    /// What happened.
    pub topic: &'n str,
    /// When.
    pub at: Timestamp,
    /// The person, and whoever was merged into them: a recipient may know them by an older id.
    pub subjects: Vec<SubjectId>,
    /// Into whom they were taken apart.
    pub into: Vec<SubjectId>,
    /// The purpose a statement is about; none: all it can mean.
    pub purpose: Option<&'n str>,
    /// The channel; none: all.
    pub channel: Option<&'n str>,
    /// What was said.
    pub act: Option<&'n str>,
}

#[derive(Serialize)]
struct Body<'n> {
    r#type: &'n str,
    timestamp: String,
    data: Data<'n>,
}

#[derive(Serialize)]
struct Data<'n> {
    subject_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    into: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'n str>,
}

impl News<'static> {
    /// A person is erased.
    #[must_use]
    pub fn erased(rows: &SubjectRows, at: Timestamp) -> Self {
        let merged = rows.merged.iter().map(|row| row.subject_id).filter(|part| *part != rows.subject);
        let subjects = [rows.subject].into_iter().chain(merged).collect();
        Self::about(ERASED, Self::id_of(&[ERASED.as_bytes(), &rows.subject.bytes()]), subjects, at)
    }

    /// A person, known by the ids `of`, is taken apart: `out` are others now.
    #[must_use]
    pub fn split(person: SubjectId, of: Vec<SubjectId>, out: &[SubjectId], at: Timestamp) -> Self {
        let id = Self::id_of(&[SPLIT.as_bytes(), &person.bytes(), &at.micros().to_be_bytes()]);
        let into = [person].iter().chain(out).copied().collect();
        Self { into, ..Self::about(SPLIT, id, of, at) }
    }

    fn about(topic: &'static str, id: [u8; 16], subjects: Vec<SubjectId>, at: Timestamp) -> Self {
        Self { id, topic, at, subjects, into: Vec::new(), purpose: None, channel: None, act: None }
    }
}

impl News<'_> {
    /// An id made of what tells the happening from every other.
    #[must_use]
    pub fn id_of(parts: &[&[u8]]) -> [u8; 16] {
        let mut digest = Sha256::new_with_prefix(b"obhut message 1");
        parts.iter().for_each(|part| digest.update(part));
        digest.finalize().first_chunk().copied().unwrap_or_default()
    }

    /// The message.
    #[must_use]
    pub fn body(&self) -> String {
        let ids = |ids: &[SubjectId]| ids.iter().map(ToString::to_string).collect();
        let data = Data {
            subject_ids: ids(&self.subjects),
            into: ids(&self.into),
            act: self.act,
            purpose: self.purpose,
            channel: self.channel,
        };
        let body = Body { r#type: self.topic, timestamp: self.at.rfc3339(), data };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// Writes a message for each subscriber that wants this; one that is there already stays as it is.
///
/// # Errors
/// If it cannot be written.
pub fn announce(write: &mut Write<'_>, news: &News<'_>, now: Timestamp) -> Result<(), Error> {
    let subscribers = subscribers::all(write.records())?;
    tell(write, subscribers.iter(), news, now)
}

/// Writes a message for each of these subscribers that wants this; one that is there already stays as it is.
///
/// # Errors
/// If it cannot be written.
pub fn tell<'s>(
    write: &mut Write<'_>,
    subscribers: impl Iterator<Item = &'s SubscriberRow>,
    news: &News<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    for subscriber in subscribers.filter(|subscriber| subscriber.wants(news)) {
        let row = MessageRow {
            source_no: subscriber.source_no,
            event_id: news.id.to_vec(),
            topic: news.topic.to_owned(),
            body: news.body(),
            state: MessageRow::WAITS,
            attempts: 0,
            next_at: now,
            lease_until: Timestamp::UNSET,
            created_at: now,
            changed_at: now,
            cause: String::new(),
        };
        on!(write.records(), |c| diesel::insert_into(message::table)
            .values(row.clone())
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Messages to one subscriber that are due and that nobody is at, the longest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn due(
    connection: &mut Connection,
    source: SourceNo,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<MessageRow>, Error> {
    let waits = message::state.eq(MessageRow::WAITS).and(message::next_at.le(now.micros()));
    Ok(on!(connection, |c| message::table
        .filter(waits.and(message::lease_until.le(now.micros())).and(message::source_no.eq(source.0)))
        .order(message::next_at)
        .limit(limit)
        .select(MessageRow::as_select())
        .load(c))?)
}

/// Takes a message until `until`. False if somebody else did.
///
/// # Errors
/// If it cannot be written.
pub fn take(write: &mut Write<'_>, row: &MessageRow, until: Timestamp, now: Timestamp) -> Result<bool, Error> {
    let this = message::source_no.eq(row.source_no.0).and(message::event_id.eq(row.event_id.clone()));
    let free = message::lease_until.le(now.micros()).and(message::state.eq(MessageRow::WAITS));
    let taken = on!(write.records(), |c| diesel::update(message::table.filter(this.and(free)))
        .set(message::lease_until.eq(until.micros()))
        .execute(c))?;
    Ok(taken > 0)
}

/// What an attempt means for the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It takes messages.
    Arrived,
    /// It did not take this one.
    Failed,
    /// It did not take this one, and wants no more.
    Refused,
}

/// Writes how an attempt ended, and what that means for the subscriber: disabled is one that refuses, or that took nothing for
/// `patience` microseconds. Others may be at other messages of it, so only what changes is written. False if it is not the lease
/// until `lease` any more that the message is under: then nothing is written.
///
/// # Errors
/// If it cannot be written.
pub fn step(
    write: &mut Write<'_>,
    row: &MessageRow,
    lease: Timestamp,
    attempt: Attempt,
    patience: i64,
) -> Result<bool, Error> {
    let this = message::source_no.eq(row.source_no.0).and(message::event_id.eq(row.event_id.clone()));
    let ours = message::state.eq(MessageRow::WAITS).and(message::lease_until.eq(lease.micros()));
    let written = on!(write.records(), |c| diesel::update(message::table.filter(this.and(ours)))
        .set((
            message::body.eq(&row.body),
            message::state.eq(row.state),
            message::attempts.eq(row.attempts),
            message::next_at.eq(row.next_at.micros()),
            message::lease_until.eq(row.lease_until.micros()),
            message::changed_at.eq(row.changed_at.micros()),
            message::cause.eq(&row.cause),
        ))
        .execute(c))?;
    if written == 0 {
        return Ok(false);
    }
    let whose = || subscriber::source_no.eq(row.source_no.0);
    if attempt == Attempt::Arrived {
        on!(write.records(), |c| diesel::update(subscriber::table.filter(whose()))
            .set(subscriber::failing_since.eq(Timestamp::UNSET.micros()))
            .execute(c))?;
        return Ok(true);
    }
    let first = subscriber::failing_since.eq(Timestamp::UNSET.micros());
    on!(write.records(), |c| diesel::update(subscriber::table.filter(whose().and(first)))
        .set(subscriber::failing_since.eq(row.changed_at.micros()))
        .execute(c))?;
    // One that refuses has failed long enough by that.
    let long = if attempt == Attempt::Refused { row.changed_at } else { row.changed_at.plus(-patience) };
    let over = subscriber::state.eq(SubscriberRow::ON).and(subscriber::failing_since.le(long.micros()));
    on!(write.records(), |c| diesel::update(subscriber::table.filter(whose().and(over)))
        .set(subscriber::state.eq(SubscriberRow::DISABLED))
        .execute(c))?;
    Ok(true)
}

/// How many messages stand where, by the number of their state, and why the one that was sent last failed.
pub type Counts = (Vec<(i16, i64)>, Option<String>);

/// How many messages of a subscriber stand where, and why the one that was sent last failed.
///
/// # Errors
/// If the shelf cannot be read.
pub fn counts(connection: &mut Connection, source: SourceNo) -> Result<Counts, Error> {
    let theirs = || message::source_no.eq(source.0);
    let counts = on!(connection, |c| message::table
        .filter(theirs())
        .group_by(message::state)
        .select((message::state, diesel::dsl::count_star()))
        .load(c))?;
    let cause: Option<String> = on!(connection, |c| message::table
        .filter(theirs().and(message::attempts.gt(0)))
        .order(message::changed_at.desc())
        .select(message::cause)
        .first(c)
        .optional())?;
    Ok((counts, cause.filter(|cause| !cause.is_empty())))
}

/// Deletes messages that arrived or were given up before `before`, and those that wait since then for a subscriber that is disabled.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_before(write: &mut Write<'_>, before: Timestamp) -> Result<usize, Error> {
    let over = message::state.gt(MessageRow::WAITS).and(message::changed_at.lt(before.micros()));
    let ended = on!(write.records(), |c| diesel::delete(message::table.filter(over)).execute(c))?;
    let rows = subscribers::all(write.records())?.into_iter().filter(|row| row.state == SubscriberRow::DISABLED);
    let disabled: Vec<i32> = rows.map(|row| row.source_no.0).collect();
    let waits = message::state.eq(MessageRow::WAITS).and(message::created_at.lt(before.micros()));
    let theirs = waits.and(message::source_no.eq_any(disabled));
    Ok(ended + on!(write.records(), |c| diesel::delete(message::table.filter(theirs)).execute(c))?)
}

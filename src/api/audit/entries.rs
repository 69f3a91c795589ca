//! `GET /v1/audit/entries`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::api::caller::May;
use crate::api::paging::{self, List};
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{House, Instant, Query};
use crate::audit::Act;
use crate::store::audit::{EntryRow, entries, logs};
use crate::store::{self, Read};
use crate::types::LogId;
use crate::vault::Row;

const LIST: List = List { path: "/v1/audit/entries", row: Row::id(*b"audit cursor\0\0\0\0") };

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Where to go on: `next` of the page before, as it came. Without it: from the start.
    #[serde(default)]
    #[param(nullable = false, max_length = 2048)]
    cursor: Option<String>,
    /// Entries on the page, at most.
    #[serde(default)]
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// The log the first page begins in, such as one a check found broken. Not together with `cursor`. Without it: the
    /// oldest.
    #[serde(default)]
    #[param(nullable = false)]
    log: Option<LogId>,
    /// The position in `log` the first page begins at.
    #[serde(default)]
    #[param(nullable = false, minimum = 0, default = 0)]
    idx: Option<i64>,
}

/// A page of the audit book.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    /// Entries in their order; the logs follow each other, one per run of a node.
    entries: Vec<AuditEntry>,
    /// The cursor of the next page; null at the end. The header `Link`, `rel="next"`, has the whole address.
    next: Option<String>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its log.
    log: LogId,
    /// Its position there, from 0 without gaps.
    idx: i64,
    /// When.
    recorded_at: Instant,
    /// What was done.
    act: Act,
    /// The canonical text of the entry: caller, purpose, categories, reasons, pseudonyms.
    #[schema(value_type = Object)]
    body: Value,
    /// The hash over the entry before it and itself, in hexadecimal.
    hash: String,
}

/// Reads the audit log.
#[utoipa::path(tag = "administration", params(Page), responses((status = 200, description = "A page.", body = AuditPage)))]
#[get("/v1/audit/entries")]
pub async fn list(house: Data<House>, call: May<op::ReadAudit, Query<Page>>) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(call.sent.0.limit)?;
    let (log, idx) = beginning(&house, &call.sent.0)?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = house.store.read(move |read| page(read, log, idx, most)).await?;
    let (rows, next) = found.ok_or_else(|| wrong("log", "There is no such log."))?;
    let next = next.map(|(log, idx)| LIST.cursor(&house, &[&log.bytes()[..], &idx.to_be_bytes()].concat()));
    let next = next.transpose()?;
    let entries = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
    let mut reply = HttpResponse::Ok();
    paging::link(&mut reply, LIST.path, next.as_deref(), limit);
    Ok(reply.json(AuditPage { entries, next }))
}

/// The log and position a page begins at.
fn beginning(house: &House, asked: &Page) -> Result<(Option<LogId>, i64), Problem> {
    let Some(cursor) = &asked.cursor else {
        let idx = asked.idx.unwrap_or(0);
        return if idx < 0 { Err(wrong("idx", "Positions count from 0.")) } else { Ok((asked.log, idx)) };
    };
    if asked.log.is_some() || asked.idx.is_some() {
        return Err(wrong("cursor", "A cursor says where to go on: send it without log and idx."));
    }
    let place: [u8; 24] = LIST.place(house, cursor)?;
    let (log, idx) = place.split_first_chunk::<16>().ok_or_else(paging::foreign)?;
    let log = LogId::from_slice(log).map_err(|_| paging::foreign())?;
    Ok((Some(log), i64::from_be_bytes(idx.try_into().map_err(|_| paging::foreign())?)))
}

fn wrong(name: &'static str, detail: &'static str) -> Problem {
    Problem::new(Code::InvalidParameter, detail).parameter(name)
}

type Found = (Vec<EntryRow>, Option<(LogId, i64)>);

/// Up to `limit` entries, going on into the next logs, and where more begin. None if there is no such log.
fn page(read: &mut Read, log: Option<LogId>, idx: i64, limit: i64) -> Result<Option<Found>, store::Error> {
    let logs = logs(read)?;
    let start = log.map_or(Some(0), |log| logs.iter().position(|row| row.log_id == log));
    let Some(start) = start else { return Ok(None) };
    let (mut found, mut from): (Vec<EntryRow>, i64) = (Vec::new(), idx);
    for row in logs.iter().skip(start) {
        let left = limit - i64::try_from(found.len()).unwrap_or(limit);
        // One more than wanted shows whether there is a next page.
        let mut rows = entries(read, row.log_id, from, left + 1)?;
        from = 0;
        let more = rows.get(usize::try_from(left).unwrap_or(0)).map(|extra| (extra.log_id, extra.idx));
        rows.truncate(usize::try_from(left).unwrap_or(0));
        found.extend(rows);
        if more.is_some() {
            return Ok(Some((found, more)));
        }
    }
    Ok(Some((found, None)))
}

fn entry(row: EntryRow) -> Result<AuditEntry, store::Error> {
    Ok(AuditEntry {
        log: row.log_id,
        idx: row.idx,
        recorded_at: Instant(row.recorded_at),
        act: Act::try_from(row.act)?,
        body: serde_json::from_slice(&row.body).map_err(|_| store::Error::Unreadable("audit entry"))?,
        hash: hex::encode(row.hash),
    })
}

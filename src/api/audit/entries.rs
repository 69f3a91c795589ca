//! `GET /v1/audit/entries`.

use actix_web::http::header::LINK;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{House, Instant, Query};
use crate::audit::Act;
use crate::store::audit::{EntryRow, entries, logs};
use crate::store::{self, Read};
use crate::types::LogId;

const DEFAULT: u32 = 100;
const MOST: u32 = 1_000;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The log to begin in. Without it: the oldest.
    #[serde(default)]
    log: Option<LogId>,
    /// The position in it to begin at. Without it: 0.
    #[serde(default)]
    from: Option<i64>,
    /// How many, 1 to 1000. Without it: 100.
    #[serde(default)]
    limit: Option<u32>,
}

/// A page of the audit book.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    /// Entries in their order; the logs follow each other, one per run of a node.
    entries: Vec<AuditEntry>,
    /// Where the next page is; none at the end. Also in the header `Link`, `rel="next"`.
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
    #[schema(value_type = String, example = "disclosed")]
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
    let Query(Page { log, from, limit }) = call.sent;
    let limit = limit.unwrap_or(DEFAULT);
    let wrong = |name: &'static str, detail: &'static str| Problem::new(Code::InvalidParameter, detail).parameter(name);
    if !(1..=MOST).contains(&limit) {
        return Err(wrong("limit", "The limit is 1 to 1000."));
    }
    let from = from.unwrap_or(0);
    if from < 0 {
        return Err(wrong("from", "Positions count from 0."));
    }
    let found = house.store.read(move |read| page(read, log, from, i64::from(limit))).await?;
    let (rows, next) = found.ok_or_else(|| wrong("log", "There is no such log."))?;
    let next = next.map(|(log, from)| format!("/v1/audit/entries?log={log}&from={from}&limit={limit}"));
    let entries = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
    let mut reply = HttpResponse::Ok();
    if let Some(next) = &next {
        reply.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
    }
    Ok(reply.json(AuditPage { entries, next }))
}

type Found = (Vec<EntryRow>, Option<(LogId, i64)>);

/// Up to `limit` entries, going on into the next logs, and where more begin. None if there is no such log.
fn page(read: &mut Read, log: Option<LogId>, from: i64, limit: i64) -> Result<Option<Found>, store::Error> {
    let logs = logs(read)?;
    let start = log.map_or(Some(0), |log| logs.iter().position(|row| row.log_id == log));
    let Some(start) = start else { return Ok(None) };
    let (mut found, mut from): (Vec<EntryRow>, i64) = (Vec::new(), from);
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

//! `GET /v1/sources/{code}/syncs`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::named;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::connect::Counts;
use crate::store::connections::{self, ConnectionRow};
use crate::store::syncs::{self, SyncRow, SyncState};
use crate::types::Timestamp;

/// Syncs shown.
const SHOWN: i64 = 50;

/// How a source is read.
#[derive(Serialize, ToSchema)]
pub struct Syncs {
    /// Are there credentials for its vendor?
    connected: bool,
    /// Seconds from one sync to the next; 0: only when told to.
    every_seconds: i32,
    /// When it is synced next by itself; null: never.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// Syncs in a row that failed; each makes the pause before the next one longer.
    failures: i32,
    /// The newest 50, newest first. The one that goes on shows how far it is.
    syncs: Vec<SyncView>,
}

/// A sync.
#[derive(Serialize, ToSchema)]
#[schema(as = Sync)]
pub struct SyncView {
    /// When it began.
    #[schema(format = DateTime)]
    begun_at: String,
    /// When it ended; null: it goes on.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Where it stands.
    state: SyncState,
    /// Why it failed, in words; null if it did not.
    cause: Option<String>,
    /// What it brought so far.
    counts: Counts,
}

impl From<SyncRow> for SyncView {
    fn from(row: SyncRow) -> Self {
        Self {
            begun_at: row.begun_at.rfc3339(),
            ended_at: set(row.ended_at),
            state: SyncState::try_from(row.state).unwrap_or(SyncState::Failed),
            cause: Some(row.cause).filter(|cause| !cause.is_empty()),
            counts: Counts::parse(&row.counts),
        }
    }
}

/// Shows how a source is read: schedule, progress and history.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses((status = 200, description = "Schedule and history.", body = Syncs))
)]
#[get("/v1/sources/{code}/syncs")]
pub async fn list(house: Data<House>, call: May<op::ListSyncs, Path<String>>) -> Result<HttpResponse, Problem> {
    let number = named(&house, &call.sent).await?.number;
    let found = house.store.read(move |read| {
        let connection = connections::find(read.records(), number)?;
        Ok::<_, crate::store::Error>((connection, syncs::list(read.records(), number, Timestamp::NEVER, SHOWN)?))
    });
    let (connection, syncs): (Option<ConnectionRow>, Vec<SyncRow>) = found.await?;
    let syncs = syncs.into_iter().map(SyncView::from).collect();
    Ok(HttpResponse::Ok().json(Syncs {
        connected: connection.is_some(),
        every_seconds: connection.as_ref().map_or(0, |row| row.every_seconds),
        next_at: connection.as_ref().filter(|row| row.goes_on()).and_then(|row| set(row.next_at)),
        failures: connection.as_ref().map_or(0, |row| row.failures),
        syncs,
    }))
}

fn set(time: Timestamp) -> Option<String> {
    time.is_set().then(|| time.rfc3339())
}

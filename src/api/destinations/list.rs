//! `GET /v1/destinations`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Instant};
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::store::messages::{self, MessageRow};
use crate::store::subscribers::{self, SubscriberRow};

/// The destinations.
#[derive(Serialize, ToSchema)]
pub struct Destinations {
    /// Programs that are told, in the order in which they were added.
    destinations: Vec<Destination>,
    /// Systems that take the people of a segment, in the order in which they were added.
    audiences: Vec<AudienceView>,
}

/// A system that takes the people of a segment.
#[derive(Serialize, ToSchema)]
#[schema(as = Audience)]
pub struct AudienceView {
    /// Its code.
    code: String,
    /// What the merchant calls it.
    title: String,
    /// Its connector.
    connector: String,
    /// The segment.
    segment: String,
    /// Seconds from one push to the next; 0: only when told to.
    every_seconds: i32,
    /// When it is pushed next by itself; null: never.
    next_at: Option<Instant>,
    /// Pushes in a row that failed.
    failures: i32,
    /// How many people were handed over.
    there: i64,
    /// How many of those are still to be taken off.
    to_be_taken_off: i64,
}

/// A program that is told what people decided, and how far it is told.
#[derive(Serialize, ToSchema)]
pub struct Destination {
    /// Its code.
    code: String,
    /// What the merchant calls it.
    title: String,
    /// Its connector.
    connector: String,
    /// `told`, or `disabled` because it took nothing for days.
    #[schema(value_type = String)]
    state: &'static str,
    /// What it is told; empty: everything.
    topics: Vec<String>,
    /// The purposes it hears statements about; empty: all.
    purposes: Vec<String>,
    /// Since when no message arrives; null: the last one did.
    failing_since: Option<Instant>,
    /// Messages that wait.
    waiting: i64,
    /// Messages that arrived in the last 30 days.
    arrived: i64,
    /// Messages that were given up in the last 30 days.
    given_up: i64,
    /// Why the last attempt failed; null: it did not.
    cause: Option<String>,
}

/// Lists the destinations: who was handed over, what waits, what arrived, and why the last attempt failed.
#[utoipa::path(
    tag = "administration",
    responses((status = 200, description = "The destinations.", body = Destinations))
)]
#[get("/v1/destinations")]
pub async fn list(house: Data<House>, _call: May<op::ListDestinations>) -> Result<HttpResponse, Problem> {
    let read = |read: &mut store::Read| {
        let rows = subscribers::all(read.records())?;
        rows.into_iter()
            .map(|row| Ok((messages::counts(read.records(), row.source_no)?, row)))
            .collect::<Result<Vec<_>, store::Error>>()
    };
    let edition = house.rulebook.edition();
    let words = |list: &str| list.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let told = house.store.read(read).await?.into_iter().filter_map(|((counts, cause), row)| {
        let source = edition.source(row.source_no)?;
        let count = |state| counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
        Some(Destination {
            code: source.code.clone(),
            title: source.title.clone(),
            connector: source.connector.clone(),
            state: if row.state == SubscriberRow::ON { "told" } else { "disabled" },
            topics: words(&row.topics),
            purposes: words(&row.purposes),
            failing_since: row.failing_since.is_set().then_some(Instant(row.failing_since)),
            waiting: count(MessageRow::WAITS),
            arrived: count(MessageRow::ARRIVED),
            given_up: count(MessageRow::GIVEN_UP),
            cause,
        })
    });
    let read = |read: &mut store::Read| {
        let rows = audiences::all(read.records())?;
        rows.into_iter()
            .map(|row| Ok((audiences::counts(read.records(), row.source_no)?, row)))
            .collect::<Result<Vec<_>, store::Error>>()
    };
    let taken = house.store.read(read).await?.into_iter().filter_map(|(counts, row)| {
        let source = edition.source(row.source_no)?;
        let count = |state| counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
        Some(AudienceView {
            code: source.code.clone(),
            title: source.title.clone(),
            connector: source.connector.clone(),
            segment: row.segment,
            every_seconds: row.every_seconds,
            next_at: row.next_at.is_set().then_some(Instant(row.next_at)),
            failures: row.failures,
            there: count(MemberRow::THERE) + count(MemberRow::HANDED),
            to_be_taken_off: MemberRow::TO_LEAVE.into_iter().map(count).sum(),
        })
    });
    Ok(HttpResponse::Ok().json(Destinations { destinations: told.collect(), audiences: taken.collect() }))
}

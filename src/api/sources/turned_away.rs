//! `GET /v1/sources/{code}/turned-away`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::named;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::store::turned_away::{self, TurnedAwayRow};
use crate::types::Timestamp;

/// Events that were not taken, or not understood in full.
#[derive(Serialize, ToSchema)]
pub struct TurnedAway {
    /// By day and reason, the newest day first, of the last 90 days.
    days: Vec<TurnedAwayCount>,
}

/// How often one thing happened on one day.
#[derive(Serialize, ToSchema)]
pub struct TurnedAwayCount {
    /// The day, in UTC.
    #[schema(format = Date, example = "2026-03-07")]
    day: String,
    /// The reason. Of an event that was not taken: why. `unknown_consent_category`, `invalid_consent`,
    /// `consent_without_text` and `consent_not_configured` are of events that were taken without what their banner said.
    #[schema(example = "missing_id")]
    code: String,
    /// How many events.
    events: i64,
}

impl From<TurnedAwayRow> for TurnedAwayCount {
    fn from(row: TurnedAwayRow) -> Self {
        let day = Timestamp::UNSET.plus_days(row.day.into()).rfc3339();
        Self { day: day.get(..10).unwrap_or_default().to_owned(), code: row.code, events: row.events }
    }
}

/// Shows how many events of a source were not taken, and why.
///
/// The events themselves are not kept: what they hold was read by nobody.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses((status = 200, description = "The counts.", body = TurnedAway))
)]
#[get("/v1/sources/{code}/turned-away")]
pub async fn list(house: Data<House>, call: May<op::ListTurnedAway, Path<String>>) -> Result<HttpResponse, Problem> {
    let number = named(&house, &call.sent).await?.number;
    let rows = house.store.read(move |read| turned_away::of(read.records(), number)).await?;
    Ok(HttpResponse::Ok().json(TurnedAway { days: rows.into_iter().map(TurnedAwayCount::from).collect() }))
}

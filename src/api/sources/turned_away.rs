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
use crate::collect::todo;
use crate::store::turned_away::{self, TurnedAwayRow};
use crate::store::{Error, Read, unheard};
use crate::types::Timestamp;

/// Events that were not taken, or not understood in full.
#[derive(Serialize, ToSchema)]
pub struct TurnedAway {
    /// By day and reason, the newest day first, of the last 90 days.
    days: Vec<TurnedAwayCount>,
    /// Names of consents that banners reported and that mean nothing here, of the last 90 days, the newest first. What was said
    /// under them is no yes.
    unknown_consents: Vec<UnknownConsent>,
}

/// A name of a consent that means nothing here.
#[derive(Serialize, ToSchema)]
pub struct UnknownConsent {
    /// `category`: the banner's own; `purpose`: one that a category stands for, which is not configured as a consent.
    #[schema(example = "category")]
    kind: String,
    /// The name as the banner writes it; `(unreadable)` for what looks like none, `(others)` for those beyond a hundred.
    #[schema(example = "Marketing")]
    name: String,
    /// How many events it came with.
    events: i64,
    /// When it came first.
    #[schema(format = DateTime)]
    first_at: String,
    /// When it came last.
    #[schema(format = DateTime)]
    last_at: String,
    /// What is to be done about it.
    #[schema(value_type = String)]
    todo: &'static str,
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
/// And which consents that banners named mean nothing here.
/// The events themselves are not kept: what they hold was read by nobody.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses((status = 200, description = "The counts.", body = TurnedAway))
)]
#[get("/v1/sources/{code}/turned-away")]
pub async fn list(house: Data<House>, call: May<op::ListTurnedAway, Path<String>>) -> Result<HttpResponse, Problem> {
    let source = named(&house, &call.sent).await?;
    let number = source.number;
    let read = move |read: &mut Read| {
        Ok::<_, Error>((turned_away::of(read.records(), number)?, unheard::of(read.records(), number)?))
    };
    let (days, names) = house.store.read(read).await?;
    let edition = house.rulebook.edition();
    let unknown_consents = names.into_iter().map(|row| UnknownConsent {
        todo: todo(&row, &source, &edition),
        first_at: row.first_at.rfc3339(),
        last_at: row.last_at.rfc3339(),
        kind: row.kind,
        name: row.name,
        events: row.events,
    });
    let unknown_consents = unknown_consents.collect();
    let days = days.into_iter().map(TurnedAwayCount::from).collect();
    Ok(HttpResponse::Ok().json(TurnedAway { days, unknown_consents }))
}

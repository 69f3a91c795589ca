//! `POST /v1/records`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::report::Report;
use super::shipment::Shipment;
use crate::api::caller::May;
use crate::api::once::{self, Key, Reply, Turn};
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Query};
use crate::intake::RecordSchema;

/// Records as one JSON document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands in the OpenAPI document; `split` reads the bytes")]
pub struct Records {
    /// The records.
    records: Vec<RecordSchema>,
}

/// How much the reply lists.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// `all`: every record; `rejected`: only those, and those that were taken in without one of their values. The default is `all` for a JSON document and `rejected` for NDJSON.
    #[param(inline, nullable = false)]
    results: Option<Results>,
}

/// Which results are listed.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Results {
    /// Every record.
    All,
    /// The rejected ones.
    Rejected,
}

/// Brings records in.
///
/// Send `application/json` with a list, or `application/x-ndjson` with one record per line, of any length. Each record
/// is taken or rejected alone; the reply says what became of it. A record is known by source, type and external id;
/// the newest `updated_at` wins, so sending again, or in another order, is harmless. If a stream breaks off, what
/// was read before it is stored: send all again. An e-mail address, phone number, birth date, postal code, country or
/// language that cannot be is left out and told in the reply; the rest of its record is taken in.
#[utoipa::path(
    tag = "records",
    params(
        Detail,
        ("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, example = "3f2b7c", description = "1 to 255 printable ASCII characters. The same key with the same request gets the same reply for 24 hours.")
    ),
    request_body(content(
        (Records = "application/json", example = json!({"records": [{
            "type": "order", "source": "webshop", "external_id": "10023", "updated_at": "2026-03-07T13:40:01Z",
            "identifiers": [{"kind": "email", "value": "erika@muster.org", "verified": true}],
            "data": {
                "number": "SW-10023", "ordered_at": "2026-03-07T13:40:01Z", "status": "paid", "currency": "EUR", "total": "129.90",
                "lines": [{"sku": "TS-RED-M", "title": "T-Shirt rot, M", "quantity": "2", "unit_price": "62.50"}],
                "person": {"given_name": "Erika", "family_name": "Muster"},
                "addresses": [{
                    "use": "shipping", "street": "Kantstraße", "house_number": "12a", "postal_code": "10623",
                    "city": "Berlin", "country": "DE",
                }],
            },
        }]})),
        (RecordSchema = "application/x-ndjson"),
    )),
    responses((status = 200, description = "What became of each record.", body = Report))
)]
#[post("/v1/records")]
pub async fn ingest(
    house: Data<House>,
    call: May<op::IngestRecords, (Query<Detail>, Key, Shipment)>,
) -> Result<HttpResponse, Problem> {
    let by = call.by();
    let (Query(detail), key, mut shipment) = call.sent;
    let all = detail.results.map_or(!shipment.is_stream(), |results| results == Results::All);
    let operation = if all { "POST /v1/records?results=all" } else { "POST /v1/records?results=rejected" };
    let reply = once::apart(async move {
        match once::begin(&house, by.0, key, operation).await? {
            Turn::Free => take(&house, by, &mut shipment, all).await,
            Turn::Again(kept) => kept.answer(&shipment.read_out().await?),
            Turn::First(ticket) => {
                let reply = take(&house, by, &mut shipment, all).await;
                ticket.end(&shipment.digest(), &reply).await;
                reply
            }
        }
    });
    Ok(reply.await?.send())
}

/// Takes everything in, chunk by chunk, and writes down how much it was, also when it breaks off.
async fn take(
    house: &House,
    by: (crate::types::ApiKeyId, crate::types::Role),
    shipment: &mut Shipment,
    all: bool,
) -> Result<Reply, Problem> {
    let mut report = Report::new(all);
    let end = if let Some(all) = shipment.count() {
        // The line becomes durable while the records do.
        let (end, noted) = tokio::join!(chunks(house, shipment, &mut report), house.intake.note_ingest(Some(by), all));
        noted?;
        if end.is_err() {
            house.intake.note_broken_off(by, report.seen()).await?;
        }
        end
    } else {
        let end = chunks(house, shipment, &mut report).await;
        house.intake.note_ingest(Some(by), report.seen()).await?;
        end
    };
    end.and_then(|()| Reply::json(StatusCode::OK, &report))
}

async fn chunks(house: &House, shipment: &mut Shipment, report: &mut Report) -> Result<(), Problem> {
    let mut begun = false;
    while let Some(chunk) = shipment.chunk().await? {
        // Nobody is inside while they wait for their own line. Who has begun is let in again, however long that takes.
        let room = if begun { house.entrance.enter_again().await? } else { house.entrance.enter().await? };
        begun = true;
        let mut outcomes = house.intake.ingest(&chunk.records).await?.into_iter();
        drop(room);
        for place in chunk.places {
            match place {
                Ok(place) => report.add(place, outcomes.next()),
                Err((place, rejection)) => report.reject(place, rejection),
            }
        }
    }
    Ok(())
}

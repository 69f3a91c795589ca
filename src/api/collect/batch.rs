//! `POST /v1/batch`: what every server SDK calls.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::Taken;
use super::key::Collected;
use super::parts::TrackedFields;
use super::single::{Calling, TrackedEvent, collect};
use crate::api::House;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::collect::Kind;

/// Events of a tracking SDK.
#[derive(Serialize, ToSchema)]
pub struct TrackedEvents {
    /// At most 2,500 events of at most 32 KiB each, 4 MiB together.
    #[schema(min_items = 1, max_items = 2500)]
    batch: Vec<TrackedEvent>,
    /// When it was sent, by the sender's clock: by it a clock that is wrong is corrected.
    #[serde(rename = "sentAt")]
    #[schema(example = "2026-03-07T13:40:11.000Z")]
    sent_at: Option<String>,
    /// What stands around all of them.
    context: Option<TrackedFields>,
    /// The write key, where it is in no header.
    #[serde(rename = "writeKey")]
    write_key: Option<String>,
}

impl Calling for op::CollectEvents {
    const KIND: Option<Kind> = None;
}

/// Takes events of tracking SDKs in.
///
/// Also at `/v1/b` and `/v1/import`. Any content type is read as JSON, plain or packed with gzip. The write key is the user of
/// Basic, a bearer, `X-Write-Key` or `writeKey` in the body. Each event is taken or refused alone: `errors` of a 400 names
/// the refused ones, and the others are durable. A message that was taken before changes nothing.
#[utoipa::path(
    tag = "collection",
    request_body(content = TrackedEvents, content_type = "application/json", example = json!({
        "batch": [{
            "type": "track", "userId": "10023", "messageId": "node-next-1", "event": "Order Completed",
            "timestamp": "2026-03-07T13:40:01.000Z", "properties": {"order_id": "SW-10023", "total": 129.9},
        }],
        "sentAt": "2026-03-07T13:40:11.000Z",
    })),
    responses((status = 200, description = "All of them are durable.", body = Taken))
)]
#[post("/v1/batch")]
pub async fn batch(house: Data<House>, call: Collected<op::CollectEvents>) -> Result<HttpResponse, Problem> {
    collect(house, call).await
}

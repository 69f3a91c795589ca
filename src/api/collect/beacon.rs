//! `POST /beacon/v1/batch`: what RudderStack's SDK sends when a page is left.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::Taken;
use super::batch::TrackedEvents;
use super::key::Collected;
use super::single::{Calling, collect};
use crate::api::House;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::collect::Kind;

impl Calling for op::CollectBeacon {
    const KIND: Option<Kind> = None;
}

/// Takes events in that a page sends while it is left (`navigator.sendBeacon`).
///
/// As `/v1/batch`; a beacon has no headers of its own, so the write key is in the query.
#[utoipa::path(
    tag = "collection",
    params(("writeKey" = Option<String>, Query, nullable = false, description = "The write key.")),
    request_body(content = TrackedEvents, content_type = "text/plain", example = json!({
        "batch": [{"type": "page", "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "messageId": "m-7"}],
    })),
    responses((status = 200, description = "All of them are durable.", body = Taken))
)]
#[post("/beacon/v1/batch")]
pub async fn beacon(house: Data<House>, call: Collected<op::CollectBeacon>) -> Result<HttpResponse, Problem> {
    collect(house, call).await
}

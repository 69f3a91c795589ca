//! `POST /v1/segment-previews`.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde_json::Value;

use super::faults;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House};
use crate::segments::{Count, Segment};

/// Counts a segment that is not saved.
#[utoipa::path(
    tag = "segments",
    request_body(content = Segment, example = json!({
        "code": "newsletter_berlin", "title": {"de": "Berlin, Newsletter", "en": "Berlin, newsletter"},
        "purpose": "newsletter_email", "rule": {"all": []},
    })),
    responses((status = 200, description = "How many it would have now.", body = Count))
)]
#[post("/v1/segment-previews")]
pub async fn preview(house: Data<House>, call: May<op::PreviewSegment, Body<Value>>) -> Result<HttpResponse, Problem> {
    let segment = Segment::read(call.sent.0).map_err(|found| faults(Code::InvalidValue, &found))?;
    Ok(HttpResponse::Ok().json(house.segments.preview(&call.caller, &segment).await?))
}

//! `GET /v1/segments/{code}`.

use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{code, shown, tag};
use crate::api::House;
use crate::api::caller::May;
use crate::api::etag::Conditions;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::segments::{Error, Stored};

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions);

/// Shows a segment.
#[utoipa::path(
    tag = "segments",
    params(
        ("code" = String, Path, description = "Its code.", example = "newsletter_subscribers"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` the caller has.", example = "\"0193514d2a7c7d2a9f0a6a1f1d6b2c3e-3\"")
    ),
    responses(
        (status = 200, description = "The segment; `ETag` is its version.", body = Stored),
        (status = 304, description = "It is still that version."),
    )
)]
#[get("/v1/segments/{code}")]
pub async fn show(house: Data<House>, call: May<op::ShowSegment, Sent>) -> Result<HttpResponse, Problem> {
    let (path, conditions) = call.sent;
    let stored = house.segments.find(&code(&path)?).await?.ok_or(Error::Unknown)?;
    let tag = tag((stored.id, stored.version));
    if conditions.known(&tag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).finish());
    }
    Ok(shown(StatusCode::OK, &stored))
}

//! `DELETE /v1/segments/{code}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};

use super::{code, tag};
use crate::api::caller::May;
use crate::api::etag::Conditions;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, once};

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions);

/// Removes a segment.
#[utoipa::path(
    tag = "segments",
    params(
        ("code" = String, Path, description = "Its code.", example = "newsletter_subscribers"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of the version to remove; with another in force nothing is changed.", example = "\"0193514d2a7c7d2a9f0a6a1f1d6b2c3e-3\"")
    ),
    responses((status = 204, description = "It is gone."))
)]
#[delete("/v1/segments/{code}")]
pub async fn delete(house: Data<House>, call: May<op::DeleteSegment, Sent>) -> Result<HttpResponse, Problem> {
    let (path, conditions) = call.sent;
    let (code, caller) = (code(&path)?, call.caller);
    let over = move |found: Option<_>| conditions.hold(found.map(tag).as_deref());
    once::apart(async move { Ok(house.segments.delete(&caller, &code, over).await?) }).await?;
    Ok(HttpResponse::NoContent().finish())
}

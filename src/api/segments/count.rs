//! `GET /v1/segments/{code}/count`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::code;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::segments::Count;

/// Counts a segment, and why others are not in it.
#[utoipa::path(
    tag = "segments",
    params(("code" = String, Path, description = "Its code.", example = "newsletter_subscribers")),
    responses(
        (status = 200, description = "How many now.", body = Count),
        (status = 409, description = "The segment does not fit the purposes in force any more."),
    )
)]
#[get("/v1/segments/{code}/count")]
pub async fn count(house: Data<House>, call: May<op::CountSegment, Path<String>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(house.segments.count(&call.caller, &code(&call.sent)?).await?))
}

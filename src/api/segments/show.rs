//! `GET /v1/segments/{code}`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{code, shown};
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::segments::{Error, Stored};

/// Shows a segment.
#[utoipa::path(
    tag = "segments",
    params(("code" = String, Path, description = "Its code.")),
    responses((status = 200, description = "The segment; `ETag` is its version.", body = Stored))
)]
#[get("/v1/segments/{code}")]
pub async fn show(house: Data<House>, call: May<op::ShowSegment, Path<String>>) -> Result<HttpResponse, Problem> {
    let stored = house.segments.find(&code(&call.sent)?).await?.ok_or(Error::Unknown)?;
    Ok(shown(StatusCode::OK, &stored))
}

//! `GET /v1/sources/{code}`.

use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{SourceView, named, shown, tag};
use crate::api::House;
use crate::api::caller::May;
use crate::api::etag::Conditions;
use crate::api::permissions::op;
use crate::api::problem::Problem;

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions);

/// Shows a source.
#[utoipa::path(
    tag = "administration",
    params(
        ("code" = String, Path, description = "Its code.", example = "trade_fair"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` the caller has.")
    ),
    responses(
        (status = 200, description = "The source; `ETag` changes with it.", body = SourceView),
        (status = 304, description = "It is still as the caller has it."),
    )
)]
#[get("/v1/sources/{code}")]
pub async fn show(house: Data<House>, call: May<op::ShowSource, Sent>) -> Result<HttpResponse, Problem> {
    let (path, conditions) = call.sent;
    let source = named(&house, &path).await?;
    if conditions.known(&tag(&source)) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag(&source))).finish());
    }
    Ok(shown(StatusCode::OK, &source))
}

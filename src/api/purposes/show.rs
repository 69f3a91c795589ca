//! `GET /v1/purposes/{code}`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{code, shown, tag};
use crate::api::House;
use crate::api::caller::May;
use crate::api::etag::Conditions;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::consent::Purpose;

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions);

/// Shows a purpose.
#[utoipa::path(
    tag = "consents",
    params(
        ("code" = String, Path, description = "Its code.", example = "newsletter_email"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` the caller has.", example = "\"3\"")
    ),
    responses(
        (status = 200, description = "The purpose in force; `ETag` is its version.", body = Purpose),
        (status = 304, description = "It is still that version."),
    )
)]
#[get("/v1/purposes/{code}")]
pub async fn show(house: Data<House>, call: May<op::ShowPurpose, Sent>) -> Result<HttpResponse, Problem> {
    let (path, conditions) = call.sent;
    let edition = house.rulebook.edition();
    let purpose = edition.purpose(&code(&path)?).ok_or_else(|| Problem::new(Code::NotFound, "No such purpose."))?;
    if conditions.known(&tag(purpose.version)) {
        return Ok(HttpResponse::NotModified().insert_header(("etag", tag(purpose.version))).finish());
    }
    Ok(shown(StatusCode::OK, purpose))
}

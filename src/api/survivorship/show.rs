//! `GET /v1/survivorship`.

use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use super::{shown, tag};
use crate::api::House;
use crate::api::caller::May;
use crate::api::etag::Conditions;
use crate::api::permissions::op;
use crate::consent::Survivorship;

/// Shows whose word counts where records of one person say different things.
#[utoipa::path(
    tag = "administration",
    params(
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "The `ETag` the caller has.", example = "\"3\"")
    ),
    responses(
        (status = 200, description = "The rules in force; `ETag` is their version. Version 0 are the hub's own.", body = Survivorship),
        (status = 304, description = "It is still that version."),
    )
)]
#[get("/v1/survivorship")]
pub async fn show(house: Data<House>, call: May<op::ShowSurvivorship, Conditions>) -> HttpResponse {
    let edition = house.rulebook.edition();
    let rules = edition.survivorship();
    if call.sent.known(&tag(rules.version)) {
        return HttpResponse::NotModified().insert_header((ETAG, tag(rules.version))).finish();
    }
    shown(StatusCode::OK, rules)
}

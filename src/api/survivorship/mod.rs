//! `/v1/survivorship`: whose word counts where records of one person say different things, as data. Every change is a new
//! version.

pub mod put;
pub mod show;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;

use crate::consent::Survivorship;

/// The rules with their version as `ETag`.
fn shown(status: StatusCode, rules: &Survivorship) -> HttpResponse {
    HttpResponse::build(status).insert_header((ETAG, tag(rules.version))).json(rules)
}

fn tag(version: u32) -> String {
    format!("\"{version}\"")
}

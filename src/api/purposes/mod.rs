//! `/v1/purposes`: why data is read, as data. Every change is a new version; a past decision stays explainable.

pub mod list;
pub mod put;
pub mod show;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;

use super::problem::{Code, Problem};
use crate::consent::Purpose;
use crate::types::PurposeCode;

/// The purpose with its version as `ETag`.
fn shown(status: StatusCode, purpose: &Purpose) -> HttpResponse {
    HttpResponse::build(status).insert_header((ETAG, tag(purpose.version))).json(purpose)
}

fn tag(version: u32) -> String {
    format!("\"{version}\"")
}

/// The code in the path.
fn code(text: &str) -> Result<PurposeCode, Problem> {
    let detail = "A purpose code has 2 to 64 lower-case letters, digits and underscores.";
    text.parse().map_err(|_| Problem::new(Code::InvalidParameter, detail).parameter("code"))
}

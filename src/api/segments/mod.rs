//! `/v1/segments`: questions over many people. Members are only ever people whose standing allows the segment's purpose.

pub mod count;
pub mod delete;
pub mod list;
pub mod members;
pub mod preview;
pub mod put;
pub mod show;

use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::problem::{Code, FieldFault, Problem};
use crate::segments::{Fault, SegmentCode, Stored, Version};

/// The code in the path.
fn code(text: &str) -> Result<SegmentCode, Problem> {
    let detail = "A segment code has 2 to 64 lower-case letters, digits and underscores.";
    text.parse().map_err(|_| Problem::new(Code::InvalidParameter, detail).parameter("code"))
}

/// A segment with its version as `ETag`.
fn shown(status: StatusCode, stored: &Stored) -> HttpResponse {
    let mut reply: HttpResponseBuilder = HttpResponse::build(status);
    reply.insert_header((ETAG, tag((stored.id, stored.version)))).json(stored)
}

/// A segment that was removed and made anew counts its versions from 1 again, and must not have its old tags.
fn tag((id, version): Version) -> String {
    format!("\"{}-{version}\"", hex::encode(id.bytes()))
}

/// What is wrong with a definition, place by place.
pub(super) fn faults(code: Code, faults: &[Fault]) -> Problem {
    let fault =
        |fault: &Fault| FieldFault { code: fault.code, pointer: fault.pointer.clone(), detail: fault.text.into() };
    Problem::fields(code, faults.iter().map(fault).collect())
}

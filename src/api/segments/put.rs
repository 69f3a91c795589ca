//! `PUT /v1/segments/{code}`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, put};
use serde_json::Value;

use super::{code, faults, shown, tag};
use crate::api::caller::May;
use crate::api::etag::Conditions;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::segments::{Segment, Stored};

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions, Body<Value>);

/// Saves a segment, or a new version of it.
///
/// Every mistake is pointed at. Cursors of the version before end.
#[utoipa::path(
    tag = "segments",
    params(
        ("code" = String, Path, description = "Its code.", example = "newsletter_berlin"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of the version to replace; with another in force nothing is changed.", example = "\"0193514d2a7c7d2a9f0a6a1f1d6b2c3e-3\""),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "`*`: only if there is no such segment yet.", example = "*")
    ),
    request_body(content = Segment, example = json!({
        "code": "newsletter_berlin", "title": {"de": "Berlin, Newsletter", "en": "Berlin, newsletter"},
        "purpose": "newsletter_email", "rule": {"all": []},
    })),
    responses(
        (status = 200, description = "The new version.", body = Stored),
        (status = 201, description = "The first version.", body = Stored),
    )
)]
#[put("/v1/segments/{code}")]
pub async fn put(house: Data<House>, call: May<op::PutSegment, Sent>) -> Result<HttpResponse, Problem> {
    let (path, conditions, Body(definition)) = call.sent;
    let caller = call.caller;
    let code = code(&path)?;
    let segment = Segment::read(definition).map_err(|found| faults(Code::InvalidValue, &found))?;
    if segment.code != code {
        return Err(Problem::new(Code::InvalidValue, "The code in the body is not that of the path.").at("/code"));
    }
    let over = move |found: Option<_>| conditions.hold(found.map(tag).as_deref());
    let stored = once::apart(async move { Ok(house.segments.replace(&caller, segment, over).await?) }).await?;
    Ok(shown(if stored.version == 1 { StatusCode::CREATED } else { StatusCode::OK }, &stored))
}

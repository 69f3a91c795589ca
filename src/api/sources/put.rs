//! `PUT /v1/sources/{code}`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, put};

use super::{NewSource, SourceView, check, shown, tag};
use crate::api::caller::May;
use crate::api::etag::{self, Conditions};
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::audit::{Act, Line};
use crate::consent::Source;
use crate::intake::HUB_SOURCE;

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions, Body<NewSource>);

/// Changes a source, or adds it.
///
/// New terms hold for every read that starts later on this node, and within a second on the others; the period of a
/// record is counted anew when the record comes again. A source keeps its code and its connector, because its records
/// are known by them.
#[utoipa::path(
    tag = "administration",
    params(
        ("code" = String, Path, description = "Its code.", example = "trade_fair"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of what is to be replaced; if the source is not like that any more, nothing is changed."),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "`*`: only if there is no such source yet.", example = "*")
    ),
    request_body(content = NewSource, example = json!({
        "code": "trade_fair", "title": "Trade fair", "connector": "api", "terms": {"tells_of_objection": true},
    })),
    responses(
        (status = 200, description = "It is so now.", body = SourceView),
        (status = 201, description = "It was added.", body = SourceView),
        (status = 409, description = "It has another connector, or is the hub's own."),
    )
)]
#[put("/v1/sources/{code}")]
pub async fn put(house: Data<House>, call: May<op::PutSource, Sent>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let (path, conditions, Body(wanted)) = call.sent;
    if wanted.code != *path {
        return Err(Problem::new(Code::InvalidValue, "The code in the body is not that of the path.").at("/code"));
    }
    check(&house.rulebook.edition(), &wanted)?;
    if wanted.code == HUB_SOURCE {
        return Err(Problem::new(Code::Conflict, "This source is the hub's own.").at("/code"));
    }
    let over = move |found: Option<&Source>| conditions.hold(found.map(tag).as_deref());
    let (status, source) = once::apart(async move {
        // What another node changed a moment ago counts.
        house.rulebook.reload().await?;
        let edition = house.rulebook.edition();
        let known = edition.source_named(&wanted.code).map(|known| &**known);
        if known.is_some_and(|known| known.connector != wanted.connector) {
            return Err(Problem::new(Code::Conflict, "A source keeps its connector.").at("/connector"));
        }
        if !over(known) {
            return Err(etag::failed());
        }
        let status = if known.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        // The line first: a change that is not on record must not take effect.
        let line = Line::new(Act::Configured).by(key, role).object(format!("source {}", wanted.code));
        house.book.note(line).await?;
        let NewSource { code, title, connector, terms } = wanted;
        let (kept, now) = (connector.clone(), house.clock.now());
        let over = move |found: Option<&Source>| over(found) && found.is_none_or(|found| found.connector == kept);
        let put = house.rulebook.put_source((code, title, connector), &terms, over, now).await?;
        Ok((status, put.ok_or_else(etag::failed)?))
    })
    .await?;
    Ok(shown(status, &source))
}

//! `PUT /v1/purposes/{code}`.

use actix_web::http::StatusCode;
use actix_web::http::header::{IF_MATCH, IF_NONE_MATCH};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, put};

use super::{code, header, shown};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, causes, once};
use crate::audit::{Act, Line};
use crate::consent::Purpose;

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, HttpRequest, Body<Purpose>);

/// Puts a new version of a purpose in force.
///
/// It holds for every read that starts later on this node, and within a second on the others. The version is counted
/// by the hub; one in the body is ignored.
#[utoipa::path(
    tag = "consents",
    params(
        ("code" = String, Path, description = "Its code."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version to replace."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is no such purpose.")
    ),
    request_body = Purpose,
    responses(
        (status = 200, description = "The new version.", body = Purpose),
        (status = 201, description = "The first version.", body = Purpose),
    )
)]
#[put("/v1/purposes/{code}")]
pub async fn put(house: Data<House>, call: May<op::PutPurpose, Sent>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let (path, request, Body(mut purpose)) = call.sent;
    if purpose.code != code(&path)? {
        return Err(Problem::new(Code::InvalidValue, "The code in the body is not that of the path.").at("/code"));
    }
    purpose.version = 1;
    purpose.validate().map_err(|problems| causes::of_rules(&problems))?;
    let over = condition(&request)?;
    let purpose = once::apart(async move {
        // What another node put in force a moment ago counts.
        house.rulebook.reload().await?;
        let newest = house.rulebook.edition().purpose(&purpose.code).map_or(0, |purpose| purpose.version);
        if !over(newest) {
            return Err(Problem::new(Code::PreconditionFailed, "The purpose in force has another version."));
        }
        let line = Line::new(Act::Configured).by(key, role).object(format!("purpose {}", purpose.code));
        let line = line.under(purpose.code.clone(), i32::try_from(newest + 1).ok());
        let replaced = house.rulebook.replace_purpose(purpose, move |found| found == newest, house.clock.now());
        let meanwhile = || Problem::new(Code::Conflict, "The purpose was changed meanwhile. Read it again.");
        house.book.change(line, async { replaced.await?.ok_or_else(meanwhile) }).await
    })
    .await?;
    Ok(shown(if purpose.version == 1 { StatusCode::CREATED } else { StatusCode::OK }, &purpose))
}

/// Which newest version (0: none) may be replaced.
fn condition(request: &HttpRequest) -> Result<impl Fn(u32) -> bool + 'static, Problem> {
    let new_only = header(request, &IF_NONE_MATCH) == Some("*");
    let matching = header(request, &IF_MATCH);
    let version = matching.map(|tag| tag.trim_matches('"').parse::<u32>()).transpose();
    let version =
        version.map_err(|_| Problem::new(Code::PreconditionFailed, "If-Match takes the ETag of a purpose."))?;
    Ok(move |newest| (!new_only || newest == 0) && version.is_none_or(|version| version == newest))
}

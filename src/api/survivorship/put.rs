//! `PUT /v1/survivorship`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, put};

use super::{shown, tag};
use crate::api::caller::May;
use crate::api::etag::{self, Conditions};
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, causes, once};
use crate::audit::{Act, Line};
use crate::consent::Survivorship;

/// Named, because utoipa reads a tuple wrongly.
type Sent = (Conditions, Body<Survivorship>);

/// Says whose word counts where records of one person say different things.
///
/// It holds for every read that starts later on this node, and within a second on the others; nothing stored changes. What the person
/// corrected (`POST /v1/subjects/{subject_id}/rectification`) comes before every rule. A read says with `origins` which record each value
/// is of and which rule let it survive.
#[utoipa::path(
    tag = "administration",
    params(
        ("If-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of the version to replace; with another in force nothing is changed.", example = "\"3\""),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "`*`: only if none was put in force yet.", example = "*")
    ),
    request_body(content = Survivorship, example = json!({
        "default": {"rules": ["record_type", "recency"]},
        "attributes": {
            "contact.emails": {"rules": ["verification", "recency"]},
            "identity.birth_date": {"rules": ["verification", "record_type", "recency"]},
        },
    })),
    responses(
        (status = 200, description = "The new version.", body = Survivorship),
        (status = 201, description = "The first version.", body = Survivorship),
        (status = 409, description = "Somebody else changed it at the same moment."),
    )
)]
#[put("/v1/survivorship")]
pub async fn put(house: Data<House>, call: May<op::PutSurvivorship, Sent>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let (conditions, Body(wanted)) = call.sent;
    let rules = once::apart(async move {
        // What another node put in force a moment ago counts.
        house.rulebook.reload().await?;
        let edition = house.rulebook.edition();
        wanted.validate(|code| edition.source_named(code).is_some()).map_err(|problems| causes::of_rules(&problems))?;
        let newest = edition.survivorship().version;
        if !conditions.hold((newest > 0).then(|| tag(newest)).as_deref()) {
            return Err(etag::failed());
        }
        let line = Line::new(Act::Configured).by(key, role).object(format!("survivorship {}", newest + 1));
        let replaced = house.rulebook.replace_survivorship(wanted, move |found| found == newest, house.clock.now());
        let meanwhile = || Problem::new(Code::Conflict, "The rules were changed meanwhile. Read them again.");
        house.book.change(line, async { replaced.await?.ok_or_else(meanwhile) }).await
    })
    .await?;
    Ok(shown(if rules.version == 1 { StatusCode::CREATED } else { StatusCode::OK }, &rules))
}

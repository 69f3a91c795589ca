//! `PUT /v1/purposes/{code}`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, put};

use super::{code, shown, tag};
use crate::api::caller::May;
use crate::api::etag::{self, Conditions};
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, causes, once};
use crate::audit::{Act, Line};
use crate::consent::Purpose;

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Conditions, Body<Purpose>);

/// Puts a new version of a purpose in force.
///
/// It holds for every read that starts later on this node, and within a second on the others. The version is counted
/// by the hub; one in the body is ignored.
#[utoipa::path(
    tag = "consents",
    params(
        ("code" = String, Path, description = "Its code.", example = "survey"),
        ("If-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of the version to replace; with another in force nothing is changed.", example = "\"3\""),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "`*`: only if there is no such purpose yet.", example = "*")
    ),
    request_body(content = Purpose, example = json!({
        "code": "survey", "title": {"de": "Umfrage", "en": "Survey"},
        "description": {"de": "Eine Umfrage im Jahr.", "en": "One survey a year."},
        "ground": "consent", "statute": "Art. 6(1)(a) GDPR", "text_version": "2026-01",
        "categories": ["identity", "contact"], "channels": ["email"], "retention_days": 365,
    })),
    responses(
        (status = 200, description = "The new version.", body = Purpose),
        (status = 201, description = "The first version.", body = Purpose),
        (status = 409, description = "Somebody else changed it at the same moment."),
    )
)]
#[put("/v1/purposes/{code}")]
pub async fn put(house: Data<House>, call: May<op::PutPurpose, Sent>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let (path, conditions, Body(mut purpose)) = call.sent;
    if purpose.code != code(&path)? {
        return Err(Problem::new(Code::InvalidValue, "The code in the body is not that of the path.").at("/code"));
    }
    purpose.version = 1;
    purpose.validate().map_err(|problems| causes::of_rules(&problems))?;
    bounded(&purpose)?;
    let over = move |newest: u32| conditions.hold((newest > 0).then(|| tag(newest)).as_deref());
    let purpose = once::apart(async move {
        // What another node put in force a moment ago counts.
        house.rulebook.reload().await?;
        let newest = house.rulebook.edition().purpose(&purpose.code).map_or(0, |purpose| purpose.version);
        if !over(newest) {
            return Err(etag::failed());
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

/// Are its texts as short as texts for a notice are?
fn bounded(purpose: &Purpose) -> Result<(), Problem> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
    let longest = |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let rows = [
        ("/title", purpose.title.longest(), 200),
        ("/description", purpose.description.longest(), 2_000),
        ("/statute", purpose.statute.chars().count(), 500),
        ("/special_ground", length(&purpose.special_ground), 500),
        ("/text_version", length(&purpose.text_version), 64),
        ("/recipients", longest(&mut purpose.recipients.iter()), 200),
        ("/recipients", purpose.recipients.len(), 200),
        ("/compatible_versions", longest(&mut purpose.compatible_versions.iter()), 64),
        ("/compatible_versions", purpose.compatible_versions.len(), 200),
    ];
    match rows.into_iter().find(|(_, size, most)| size > most) {
        Some((pointer, _, most)) => {
            Err(Problem::new(Code::InvalidValue, format!("At most {most} are allowed here.")).at(pointer))
        }
        None => Ok(()),
    }
}

//! `POST /v1/sources`.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SourceView;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::audit::{Act, Line};
use crate::consent::{Edition, Source, Terms};
use crate::intake::SourceCode;

/// A source to configure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSource {
    /// Its code: 2 to 64 lower-case letters, digits, `_` and `-`, a letter first. It cannot be changed later.
    #[schema(pattern = "^[a-z][a-z0-9_-]{1,63}$", example = "webshop")]
    code: String,
    /// What the merchant calls it.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// Which connector it is an instance of; `api` for a partner that pushes.
    #[schema(min_length = 1, max_length = 64, example = "shopware6")]
    connector: String,
    /// The terms its data comes under. Without it: none.
    #[serde(default)]
    terms: Terms,
}

/// Adds a source.
///
/// Adding the very same source again changes nothing.
#[utoipa::path(
    tag = "administration",
    request_body = NewSource,
    responses(
        (status = 201, description = "Added.", body = SourceView),
        (status = 200, description = "It was there already.", body = SourceView),
    )
)]
#[post("/v1/sources")]
pub async fn add(house: Data<House>, call: May<op::AddSource, Body<NewSource>>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let Body(NewSource { code, title, connector, terms }) = call.sent;
    let edition = house.rulebook.edition();
    check(&edition, &code, &title, &connector, &terms)?;
    let wanted = (title.clone(), connector.clone(), terms.clone());
    let known = edition.source_named(&code).is_some();
    let added = once::apart(async move {
        let line = Line::new(Act::Configured).by(key, role).object(format!("source {code}"));
        let ensured = async {
            let source = house.rulebook.ensure_source(code, title, connector, &terms, house.clock.now()).await?;
            let taken = || Problem::new(Code::Conflict, "Another source has this code.").at("/code");
            if is(&source, &wanted) { Ok(source) } else { Err(taken()) }
        };
        if known { ensured.await } else { house.book.change(line, ensured).await }
    });
    let source = added.await?;
    let mut reply = if known { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(reply.json(SourceView::from(&*source)))
}

fn is(source: &Source, (title, connector, terms): &(String, String, Terms)) -> bool {
    source.title == *title && source.connector == *connector && source.terms == *terms
}

fn check(edition: &Edition, code: &str, title: &str, connector: &str, terms: &Terms) -> Result<(), Problem> {
    let wrong = |pointer: &str, detail: &'static str| Err(Problem::new(Code::InvalidValue, detail).at(pointer));
    if code.parse::<SourceCode>().is_err() {
        return wrong("/code", "A code has 2 to 64 lower-case letters, digits, _ and -, a letter first.");
    }
    if title.trim().is_empty() || title.chars().count() > 200 || title.chars().any(char::is_control) {
        return wrong("/title", "A title has 1 to 200 characters.");
    }
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if !(1..=64).contains(&connector.len()) || !connector.bytes().all(letter) {
        return wrong("/connector", "A connector has 1 to 64 lower-case letters, digits, _ and -.");
    }
    if terms.purposes.iter().flatten().any(|code| edition.purpose(code).is_none()) {
        return wrong("/terms/purposes", "A purpose is not configured.");
    }
    if terms.text_versions.keys().any(|code| edition.purpose(code).is_none()) {
        return wrong("/terms/text_versions", "A purpose is not configured.");
    }
    Ok(())
}

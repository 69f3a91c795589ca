//! `/v1/sources`: configured instances of connectors, with the terms their data comes under.

pub mod add;
pub mod deletion;
pub mod deletion_status;
mod demand;
pub mod erase;
pub mod handshake;
mod left;
pub mod list;
pub mod listen;
pub mod parked;
mod persons;
pub mod put;
pub mod show;
pub mod stop_listening;
pub mod sync;
pub mod syncs;
pub mod turned_away;
pub mod webhook;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ETAG;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::house::House;
use super::problem::{Code, Problem};
use crate::consent::{Edition, Source, Terms};
use crate::intake::SourceCode;
use crate::types::{Channel, Ground};

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

/// A configured source.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceView {
    /// Its code, as records name it.
    #[schema(example = "webshop")]
    code: String,
    /// What the merchant calls it.
    #[schema(example = "Webshop")]
    title: String,
    /// Which connector it is an instance of; `api` for a partner that pushes.
    #[schema(example = "shopware6")]
    connector: String,
    /// The terms its data comes under.
    terms: Terms,
}

impl From<&Source> for SourceView {
    fn from(source: &Source) -> Self {
        let Source { code, title, connector, terms, .. } = source.clone();
        Self { code, title, connector, terms }
    }
}

/// The source, with an `ETag` made of all that is in it.
fn shown(status: StatusCode, source: &Source) -> HttpResponse {
    HttpResponse::build(status).insert_header((ETAG, tag(source))).json(SourceView::from(source))
}

fn tag(source: &Source) -> String {
    // A source has only texts, numbers and lists: writing it as JSON cannot fail.
    let text = serde_json::to_vec(&SourceView::from(source)).unwrap_or_default();
    let digest = hex::encode(Sha256::digest(text));
    format!("\"{}\"", digest.get(..32).unwrap_or_default())
}

/// The source of a path.
async fn named(house: &House, code: &str) -> Result<Arc<Source>, Problem> {
    house.rulebook.source_named(code).await?.ok_or_else(unknown)
}

/// What is answered where no source is.
fn unknown() -> Problem {
    Problem::new(Code::NotFound, "There is no source with this code.")
}

/// What is wrong with a source to configure.
fn check(edition: &Edition, NewSource { code, title, connector, terms }: &NewSource) -> Result<(), Problem> {
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
    if terms.text_versions.values().any(|version| !(1..=64).contains(&version.chars().count())) {
        return wrong("/terms/text_versions", "A text version has 1 to 64 characters.");
    }
    if terms.text_versions.keys().any(|code| edition.purpose(code).is_none()) {
        return wrong("/terms/text_versions", "A purpose is not configured.");
    }
    check_banner(edition, terms)
}

/// What a consent banner can speak about: purposes that rest on consent and are used on pages or for advertisements, each
/// under a text that is named.
fn check_banner(edition: &Edition, terms: &Terms) -> Result<(), Problem> {
    let wrong = |detail: &'static str| Err(Problem::new(Code::InvalidValue, detail).at("/terms/consent_categories"));
    let categories = &terms.consent_categories;
    let named = |id: &String| (1..=128).contains(&id.chars().count()) && !id.chars().any(char::is_control);
    if categories.len() > 100 || !categories.keys().all(named) {
        return wrong("At most 100 categories, each with an id of 1 to 128 characters.");
    }
    for code in categories.values().flatten() {
        let Some(purpose) = edition.purpose(code) else { return wrong("A purpose is not configured.") };
        if purpose.ground != Ground::Consent {
            return wrong("A banner speaks about purposes that rest on consent.");
        }
        let pages = [Channel::Web, Channel::Social];
        if !purpose.channels.is_empty() && !pages.iter().any(|channel| purpose.channels.contains(channel)) {
            return wrong("A banner on a page proves no consent for mail, phone, messages or post.");
        }
        if !terms.text_versions.contains_key(code) {
            return wrong("Name under text_versions the version of the text the banner shows for each purpose.");
        }
    }
    if terms.consent_categories_any.iter().any(|code| !categories.values().any(|all| all.contains(code))) {
        let detail = "A purpose stands under none of the categories: name it there, too.";
        return Err(Problem::new(Code::InvalidValue, detail).at("/terms/consent_categories_any"));
    }
    Ok(())
}

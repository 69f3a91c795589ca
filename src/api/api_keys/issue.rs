//! `POST /v1/api-keys`.

use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::caller::May;
use crate::api::doorkeeper::Grant;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, Instant, once};
use crate::intake::HUB_SOURCE;
use crate::types::{ApiKeyId, PurposeCode, Role};

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What the merchant calls it.
    #[schema(min_length = 1, max_length = 200, example = "newsletter tool")]
    title: String,
    /// Its role.
    role: Role,
    /// The purposes it may read under. Without any, only the data protection officer reads.
    #[serde(default)]
    purposes: BTreeSet<PurposeCode>,
    /// The source whose events it brings in: for a collector or browser key, and no other.
    #[schema(example = "webshop")]
    #[serde(default)]
    source: Option<String>,
    /// When it ends. Without it: never.
    #[serde(default)]
    expires_at: Option<Instant>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub struct IssuedApiKey {
    /// Its public half.
    id: ApiKeyId,
    /// The key itself. It is shown once and cannot be had again.
    #[schema(value_type = String, example = "obh_…")]
    #[serde(serialize_with = "once_shown")]
    key: Zeroizing<String>,
}

/// Makes an API key.
#[utoipa::path(
    tag = "administration",
    request_body(content = NewApiKey, example = json!({
        "title": "newsletter tool", "role": "marketing", "purposes": ["newsletter_email"], "expires_at": "2030-01-01T00:00:00Z",
    })),
    responses((status = 201, description = "The key; it is not shown again.", body = IssuedApiKey))
)]
#[post("/v1/api-keys")]
pub async fn issue(house: Data<House>, call: May<op::IssueApiKey, Body<NewApiKey>>) -> Result<HttpResponse, Problem> {
    let by = call.by();
    let Body(NewApiKey { title, role, purposes, source, expires_at }) = call.sent;
    let wrong = |pointer: &str, detail: &'static str| Err(Problem::new(Code::InvalidValue, detail).at(pointer));
    if title.trim().is_empty() || title.chars().count() > 200 || title.chars().any(char::is_control) {
        return wrong("/title", "A title has 1 to 200 characters.");
    }
    let edition = house.rulebook.edition();
    if purposes.iter().any(|code| edition.purpose(code).is_none()) {
        return wrong("/purposes", "A purpose is not configured.");
    }
    if expires_at.is_some_and(|at| at.0 <= house.clock.now()) {
        return wrong("/expires_at", "A key ends in the future.");
    }
    if role.voice().is_some() != source.is_some() {
        return wrong("/source", "A collector or browser key belongs to a source; any other belongs to none.");
    }
    if role.voice().is_some() && !purposes.is_empty() {
        return wrong("/purposes", "A key that collects reads nothing.");
    }
    let source = match source {
        Some(code) => match house.rulebook.source_named(&code).await?.filter(|source| source.code != HUB_SOURCE) {
            Some(source) => Some(source.number),
            None => return wrong("/source", "There is no source with this code."),
        },
        None => None,
    };
    let grant = Grant { title, role, purposes, source, expires_at: expires_at.map(|at| at.0) };
    let (id, key) = once::apart(async move { Ok(house.doorkeeper.issue_by(Some(by), grant).await?) }).await?;
    Ok(HttpResponse::Created().json(IssuedApiKey { id, key }))
}

fn once_shown<S: Serializer>(key: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key)
}

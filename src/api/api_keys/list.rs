//! `GET /v1/api-keys`.

use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Instant, doorkeeper};
use crate::consent::Edition;
use crate::store;
use crate::store::api_keys::ApiKeyRow;
use crate::types::{ApiKeyId, PurposeCode, Role};

/// The API keys, oldest first.
#[derive(Serialize, ToSchema)]
pub struct ApiKeys {
    /// All of them, the revoked ones too.
    api_keys: Vec<ApiKeyView>,
}

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    /// Its public half.
    id: ApiKeyId,
    /// What the merchant calls it.
    title: String,
    /// Its role.
    role: Role,
    /// The purposes it may read under. Empty for the data protection officer: all.
    purposes: BTreeSet<PurposeCode>,
    /// The source whose events it brings in. None: it collects nothing.
    source: Option<String>,
    /// When it was made.
    created_at: Instant,
    /// When it ends. None: never.
    expires_at: Option<Instant>,
    /// When it was revoked. None: it was not.
    revoked_at: Option<Instant>,
}

/// Lists the API keys, without their secrets.
#[utoipa::path(tag = "administration", responses((status = 200, description = "The keys.", body = ApiKeys)))]
#[get("/v1/api-keys")]
pub async fn list(house: Data<House>, _call: May<op::ListApiKeys>) -> Result<HttpResponse, Problem> {
    let rows = house.doorkeeper.list().await?;
    let edition = house.rulebook.edition();
    let api_keys = rows.into_iter().map(|row| view(row, &edition)).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(ApiKeys { api_keys }))
}

fn view(row: ApiKeyRow, edition: &Edition) -> Result<ApiKeyView, store::Error> {
    Ok(ApiKeyView {
        id: row.key_id,
        role: Role::try_from(row.role)?,
        purposes: doorkeeper::purposes(&row)?,
        source: edition.source(row.source_no).map(|source| source.code.clone()),
        title: row.title,
        created_at: Instant(row.created_at),
        expires_at: Instant::of(row.expires_at),
        revoked_at: Instant::of(row.revoked_at),
    })
}

//! `GET /v1/projects/{write_key}/settings`: what Segment's browser SDK asks before it begins.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;

use super::RESOURCE_POLICY;
use crate::api::House;
use crate::api::problem::{Code, Problem};
use crate::types::Role;

/// Tells Segment's browser SDK where to send events.
///
/// For the key of a page only. Nothing but this hub is named in it: the SDK loads no other program and reports to nobody else.
/// `consentSettings` names the categories the source has a meaning for.
#[utoipa::path(
    tag = "collection",
    params(("write_key" = String, Path, description = "The key of a page.", example = "obh_0193514d2a7c7d2a9f0a6a1f1d6b2c3e_…")),
    responses((status = 200, description = "The settings, in the form of Segment's.", body = Object))
)]
#[get("/v1/projects/{write_key}/settings")]
pub async fn settings(house: Data<House>, key: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There are no settings for this key.");
    let writer = house.doorkeeper.writer(&key).await?.filter(|writer| writer.role == Role::Browser);
    let source = writer.and_then(|writer| house.rulebook.edition().source(writer.source).cloned());
    let source = source.ok_or_else(unknown)?;
    let own = own_address(&request).ok_or_else(unknown)?;
    let categories: Vec<&String> = source.terms.consent_categories.keys().collect();
    let protocol = request.connection_info().scheme().to_owned();
    let settings = json!({
        "integrations": {"Segment.io": {
            "apiKey": *key, "apiHost": format!("{own}/v1"), "protocol": protocol,
            "unbundledIntegrations": [], "addBundledMetadata": true,
        }},
        "plan": {"track": {"__default": {"enabled": true, "integrations": {}}}, "identify": {}, "group": {}},
        "consentSettings": {"allCategories": categories},
        "metrics": {"sampleRate": 0},
        "remotePlugins": [], "middlewareSettings": {}, "enabledMiddleware": {}, "edgeFunction": {},
        "analyticsNextEnabled": true, "legacyVideoPluginsEnabled": false,
    });
    Ok(HttpResponse::Ok().insert_header(RESOURCE_POLICY).json(settings))
}

/// Host and port by which the caller reached the hub, if they look like it.
pub(super) fn own_address(request: &HttpRequest) -> Option<String> {
    let info = request.connection_info();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    Some(info.host().to_owned()).filter(|host| !host.is_empty() && host.len() <= 255 && host.bytes().all(plain))
}

//! `GET /sourceConfig/`: what RudderStack's browser SDK asks before it begins.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;

use super::{RESOURCE_POLICY, key};
use crate::api::House;
use crate::api::problem::Problem;
use crate::types::Role;

/// Tells RudderStack's browser SDK that it may begin.
///
/// No destination is named in it: the page sends events to this hub and to nobody else. The key of a page, in Basic or as
/// `writeKey`, turns it on; with any other key the SDK stays silent.
#[utoipa::path(
    tag = "collection",
    params(("writeKey" = Option<String>, Query, nullable = false, description = "The key of a page.")),
    responses((status = 200, description = "The configuration, in the form of RudderStack's.", body = Object))
)]
#[get("/sourceConfig/")]
pub async fn source_config(house: Data<House>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let key = key::shown(request.headers()).chain(key::asked(request.query_string())).next().unwrap_or_default();
    let writer = house.doorkeeper.writer(&key).await?.filter(|writer| writer.role == Role::Browser);
    let source = writer.and_then(|writer| house.rulebook.edition().source(writer.source).cloned());
    let (enabled, code) = source.map_or((false, String::new()), |source| (true, source.code.clone()));
    let off = json!({"enabled": false});
    let config = json!({
        "source": {
            "id": code, "name": code, "workspaceId": "obhut", "enabled": enabled, "destinations": [],
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [], "dataplanes": {},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    });
    Ok(HttpResponse::Ok().insert_header(RESOURCE_POLICY).json(config))
}

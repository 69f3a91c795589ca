//! `DELETE /v1/api-keys/{key_id}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{House, once};
use crate::types::ApiKeyId;

/// Revokes an API key at once.
///
/// A call that starts after the reply is refused, on every node.
#[utoipa::path(
    tag = "administration",
    params(("key_id" = ApiKeyId, Path, description = "The key's public half.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses((status = 204, description = "It is revoked."))
)]
#[delete("/v1/api-keys/{key_id}")]
pub async fn revoke(house: Data<House>, call: May<op::RevokeApiKey, Path<ApiKeyId>>) -> Result<HttpResponse, Problem> {
    let (by, id) = (call.by(), call.sent.into_inner());
    let revoked = once::apart(async move { Ok(house.doorkeeper.revoke_by(Some(by), id).await?) }).await?;
    if revoked {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::new(Code::NotFound, "There is no living API key with this id."))
    }
}

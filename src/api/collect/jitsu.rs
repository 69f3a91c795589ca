//! `POST /api/s/{type}`: what Jitsu's SDK calls.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::key::Collected;
use super::single::TrackedEvent;
use super::take::take;
use super::{RESOURCE_POLICY, Taken};
use crate::api::House;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::collect::Kind;

/// The event is durable, as Jitsu says it.
#[derive(Serialize, ToSchema)]
#[schema(as = JitsuEventReply)]
pub struct JitsuTaken {
    /// Always true.
    #[schema(example = true)]
    ok: bool,
    /// The same.
    #[serde(flatten)]
    taken: Taken,
}

/// Takes an event of Jitsu's SDK in.
///
/// Also at `/api/s/s2s/{type}`. The write key is in `X-Write-Key`. As the single calls of `/v1`.
#[utoipa::path(
    tag = "collection",
    params(("type" = String, Path, description = "`identify`, `track`, `page`, `screen`, `group` or `alias`.", example = "page")),
    request_body(content = TrackedEvent, content_type = "application/json", example = json!({
        "type": "page", "anonymousId": "5b1c0d9e-6a0f-4a59-9c11-0f6f2f2f7b7a", "messageId": "m-8",
    })),
    responses((status = 200, description = "It is durable.", body = JitsuTaken))
)]
#[post("/api/s/{type}")]
pub async fn jitsu(
    house: Data<House>,
    call: Collected<op::CollectJitsu>,
    kind: Path<String>,
) -> Result<HttpResponse, Problem> {
    collect(house, call, kind).await
}

/// The same at the address for servers, `/api/s/s2s/{type}`.
///
/// # Errors
/// See `take`.
pub async fn collect(
    house: Data<House>,
    call: Collected<op::CollectJitsu>,
    kind: Path<String>,
) -> Result<HttpResponse, Problem> {
    let kind: Kind = kind.parse().map_err(|_| Problem::new(Code::NotFound, "There is no such call."))?;
    take(house, call, Some(kind)).await?;
    let reply = JitsuTaken { ok: true, taken: Taken { success: true } };
    Ok(HttpResponse::Ok().insert_header(RESOURCE_POLICY).json(reply))
}

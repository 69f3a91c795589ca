//! `POST /v1/requests/{request_id}/extension`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::RequestView;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{Body, House, once};
use crate::gateway::ReasonCode;
use crate::types::RequestId;

/// Why it takes longer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestExtension)]
pub struct Extension {
    /// A code such as `many_requests`; the person is told the reason within the first month.
    reason: ReasonCode,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<RequestId>, Body<Extension>);

/// Takes the two further months of Art. 12(3) GDPR, once.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    request_body(content = Extension, example = json!({"reason": "many_requests"})),
    responses(
        (status = 200, description = "With its new date.", body = RequestView),
        (status = 409, description = "It was extended before, or its period is over, or it is closed."),
    )
)]
#[post("/v1/requests/{request_id}/extension")]
pub async fn extend(house: Data<House>, call: May<op::ExtendRequest, Sent>) -> Result<HttpResponse, Problem> {
    let (id, Body(Extension { reason })) = call.sent;
    let (id, caller) = (id.into_inner(), call.caller);
    let request = once::apart(async move { Ok(house.rights.extend(id, reason, &caller).await?) }).await?;
    Ok(HttpResponse::Ok().json(RequestView::from(&request)))
}

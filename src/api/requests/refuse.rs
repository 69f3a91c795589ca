//! `POST /v1/requests/{request_id}/refusal`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::RequestView;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{Body, House, once};
use crate::rights::RefusedFor;
use crate::types::RequestId;

/// Why it is not followed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestRefusal {
    /// The reason; the person is told it, the authority and the court (Art. 12(4) GDPR).
    reason: RefusedFor,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<RequestId>, Body<RequestRefusal>);

/// Closes a request that is not followed.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    request_body(content = RequestRefusal, example = json!({"reason": "not_identified"})),
    responses(
        (status = 200, description = "Closed.", body = RequestView),
        (status = 409, description = "It was answered or refused before."),
    )
)]
#[post("/v1/requests/{request_id}/refusal")]
pub async fn refuse(house: Data<House>, call: May<op::RefuseRequest, Sent>) -> Result<HttpResponse, Problem> {
    let (id, Body(RequestRefusal { reason })) = call.sent;
    let (id, caller) = (id.into_inner(), call.caller);
    let request = once::apart(async move { Ok(house.rights.refuse(id, reason, &caller).await?) }).await?;
    Ok(HttpResponse::Ok().json(RequestView::from(&request)))
}

//! `POST /v1/requests/{request_id}/notices`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::RequestView;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{Body, House, once};
use crate::rights::NoticeState;
use crate::types::RequestId;

/// What became of telling a recipient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientNotice {
    /// The recipient, as the request names it.
    #[schema(min_length = 1, max_length = 200)]
    recipient: String,
    /// Whether they were told.
    state: NoticeState,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<RequestId>, Body<RecipientNotice>);

/// Notes that a recipient of erased data was told of the erasure (Art. 19 GDPR), or that it is impossible.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    request_body(content = RecipientNotice, example = json!({"recipient": "Versand Muster GmbH", "state": "told"})),
    responses((status = 200, description = "The request with its recipients.", body = RequestView))
)]
#[post("/v1/requests/{request_id}/notices")]
pub async fn notice(house: Data<House>, call: May<op::NoteRecipient, Sent>) -> Result<HttpResponse, Problem> {
    let (id, Body(RecipientNotice { recipient, state })) = call.sent;
    let (id, caller) = (id.into_inner(), call.caller);
    let view = once::apart(async move {
        house.rights.note_recipient(id, recipient, state, &caller).await?;
        RequestView::whole(&house, id).await
    })
    .await?;
    Ok(HttpResponse::Ok().json(view))
}

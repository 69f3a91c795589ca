//! `GET /v1/requests/{request_id}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::RequestView;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::types::RequestId;

/// Shows a request.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses((status = 200, description = "Where it stands.", body = RequestView))
)]
#[get("/v1/requests/{request_id}")]
pub async fn show(house: Data<House>, call: May<op::ShowRequest, Path<RequestId>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(RequestView::whole(&house, call.sent.into_inner()).await?))
}

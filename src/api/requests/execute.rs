//! `POST /v1/requests/{request_id}/execution`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};

use super::{Zip, carry_out};
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::rights::Certificate;
use crate::types::RequestId;

/// Carries a request out.
///
/// An access yields the package, an erasure its signed certificate. An erasure cannot be undone; one that was
/// interrupted goes on where it stopped, and asking again yields the same certificate.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses(
        (status = 200, description = "The answer.", content(
            (Certificate = "application/json"),
            (inline(Zip) = "application/zip"),
        ), headers(("Location" = String, description = "The address of the request."))),
        (status = 409, description = "The request was refused, or the person's data is restricted (Art. 18 GDPR)."),
    )
)]
#[post("/v1/requests/{request_id}/execution")]
pub async fn execute(
    house: Data<House>,
    call: May<op::ExecuteRequest, Path<RequestId>>,
) -> Result<HttpResponse, Problem> {
    let id = call.sent.into_inner();
    Ok(carry_out(house, id, call.caller).await?.send(StatusCode::OK, id))
}

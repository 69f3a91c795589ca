//! `GET /v1/requests/{request_id}/certificate`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{carry_out, no_such_document};
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::rights::{Certificate, Kind, Request};
use crate::types::RequestId;

/// The certificate of an erasure that was carried out.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses(
        (status = 200, description = "The signed certificate.", body = Certificate),
        (status = 404, description = "There is no such request, or it is no erasure, or not carried out yet."),
    )
)]
#[get("/v1/requests/{request_id}/certificate")]
pub async fn certificate(
    house: Data<House>,
    call: May<op::ReadCertificate, Path<RequestId>>,
) -> Result<HttpResponse, Problem> {
    let id = call.sent.into_inner();
    let request = house.rights.request(id).await?;
    if request.case().kind != Kind::Erasure || !matches!(request, Request::Answered(_)) {
        return Err(no_such_document());
    }
    // Asked of an answered erasure, it returns what was signed then.
    Ok(carry_out(house, id, call.caller).await?.send(StatusCode::OK, id))
}

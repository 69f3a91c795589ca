//! `GET /v1/requests/{request_id}/package`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{Zip, carry_out, no_such_document};
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::rights::{Kind, Request};
use crate::types::RequestId;

/// The package of an access request that was carried out.
///
/// Reading it carries nothing out: that is `POST /v1/requests/{request_id}/execution`. The answer
/// itself is not stored, because a second copy of all data would outlast its purpose: the package is built anew from what
/// is stored now, names the time and the SHA-256 of the first answer, and stands in the audit log as `rebuilt`.
#[utoipa::path(
    tag = "rights",
    params(("request_id" = RequestId, Path, description = "The request.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses((status = 200, description = "A ZIP with JSON and HTML that open offline.", body = inline(Zip), content_type = "application/zip"))
)]
#[get("/v1/requests/{request_id}/package")]
pub async fn package(house: Data<House>, call: May<op::ReadPackage, Path<RequestId>>) -> Result<HttpResponse, Problem> {
    let id = call.sent.into_inner();
    let request = house.rights.request(id).await?;
    if request.case().kind != Kind::Access || !matches!(request, Request::Answered(_)) {
        return Err(no_such_document());
    }
    Ok(carry_out(house, id, call.caller).await?.send(StatusCode::OK, id))
}

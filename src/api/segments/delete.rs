//! `DELETE /v1/segments/{code}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};

use super::code;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, once};
use crate::segments::Error;

/// Removes a segment.
#[utoipa::path(
    tag = "segments",
    params(("code" = String, Path, description = "Its code.")),
    responses((status = 204, description = "It is gone."))
)]
#[delete("/v1/segments/{code}")]
pub async fn delete(house: Data<House>, call: May<op::DeleteSegment, Path<String>>) -> Result<HttpResponse, Problem> {
    let (code, caller) = (code(&call.sent)?, call.caller);
    let gone = once::apart(async move { Ok(house.segments.delete(&caller, &code).await?) }).await?;
    if gone { Ok(HttpResponse::NoContent().finish()) } else { Err(Error::Unknown.into()) }
}

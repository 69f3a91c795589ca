//! `POST /v1/destinations/{code}/pushes`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};

use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::store::audiences;

/// Asks for a push of a destination's segment. A node begins it within seconds; who says no is taken off without it.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "brevo")),
    responses(
        (status = 202, description = "It is asked for; `GET /v1/sources/{code}/syncs` shows what came of it."),
        (status = 409, description = "The destination takes no people of a segment."),
    )
)]
#[post("/v1/destinations/{code}/pushes")]
pub async fn want(house: Data<House>, call: May<op::WantPush, Path<String>>) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such destination.");
    let number = house.rulebook.source_named(&call.sent).await?.ok_or_else(unknown)?.number;
    let now = house.clock.now();
    if house.store.write(move |write| audiences::want(write, number, now)).await? {
        return Ok(HttpResponse::Accepted().finish());
    }
    Err(Problem::new(Code::Conflict, "It takes no people of a segment. Use `obhut destinations add`."))
}

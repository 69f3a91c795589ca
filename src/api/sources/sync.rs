//! `POST /v1/sources/{code}/syncs`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};

use super::named;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::store::connections;

/// Asks for a sync of a source. A node begins it within seconds, or after the one that goes on.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses(
        (status = 202, description = "It is asked for; `GET` shows how it goes."),
        (status = 409, description = "The source is not connected to its vendor."),
    )
)]
#[post("/v1/sources/{code}/syncs")]
pub async fn want(house: Data<House>, call: May<op::WantSync, Path<String>>) -> Result<HttpResponse, Problem> {
    let number = named(&house, &call.sent).await?.number;
    let now = house.clock.now();
    if house.store.write(move |write| connections::ask(write, number, now)).await? {
        return Ok(HttpResponse::Accepted().finish());
    }
    Err(Problem::new(Code::Conflict, "The source is not connected to its vendor. Use `obhut sources add`."))
}

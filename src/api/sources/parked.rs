//! `GET /v1/sources/{code}/parked`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::named;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::connect::Parked;

/// Objects of a vendor that could not be taken in.
#[derive(Serialize, ToSchema)]
pub struct ParkedObjects {
    /// The newest first, a thousand at most.
    objects: Vec<ParkedObject>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub struct ParkedObject {
    /// The stream it was read from.
    #[schema(example = "orders")]
    stream: String,
    /// The vendor's id of it; null if nobody can tell which it was.
    #[schema(example = "10042")]
    id: Option<String>,
    /// Why, in words without values.
    #[schema(example = "the customer has no e-mail")]
    reason: String,
    /// When it was refused last.
    #[schema(format = DateTime)]
    refused_at: String,
}

impl From<Parked> for ParkedObject {
    fn from(parked: Parked) -> Self {
        let Parked { stream, id, reason, at } = parked;
        Self { stream, id, reason, refused_at: at.rfc3339() }
    }
}

/// Shows which objects of a source could not be taken in, and why.
///
/// They are kept until they are taken in, and for 30 days at the longest. The next whole reading asks for them again.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses((status = 200, description = "The objects.", body = ParkedObjects))
)]
#[get("/v1/sources/{code}/parked")]
pub async fn list(house: Data<House>, call: May<op::ListParked, Path<String>>) -> Result<HttpResponse, Problem> {
    let number = named(&house, &call.sent).await?.number;
    let parked = house.vendors.connections.parking().of(number).await.map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().json(ParkedObjects { objects: parked.into_iter().map(ParkedObject::from).collect() }))
}

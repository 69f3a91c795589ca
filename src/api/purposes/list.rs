//! `GET /v1/purposes`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::consent::Purpose;

/// The purposes in force, by code.
#[derive(Serialize, ToSchema)]
pub struct Purposes {
    /// All of them; there are few.
    purposes: Vec<Purpose>,
}

/// Lists the purposes in force.
#[utoipa::path(tag = "consents", responses((status = 200, description = "The purposes.", body = Purposes)))]
#[get("/v1/purposes")]
pub async fn list(house: Data<House>, _call: May<op::ListPurposes>) -> HttpResponse {
    let purposes = house.rulebook.edition().purposes().iter().map(|purpose| (**purpose).clone()).collect();
    HttpResponse::Ok().json(Purposes { purposes })
}

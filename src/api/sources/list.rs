//! `GET /v1/sources`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::SourceView;
use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;

/// The configured sources, oldest first.
#[derive(Serialize, ToSchema)]
pub struct Sources {
    /// All of them; there are few.
    sources: Vec<SourceView>,
}

/// Lists the sources.
#[utoipa::path(tag = "administration", responses((status = 200, description = "The sources.", body = Sources)))]
#[get("/v1/sources")]
pub async fn list(house: Data<House>, _call: May<op::ListSources>) -> HttpResponse {
    let sources = house.rulebook.edition().sources().iter().map(|source| SourceView::from(&**source)).collect();
    HttpResponse::Ok().json(Sources { sources })
}

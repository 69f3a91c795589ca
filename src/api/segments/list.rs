//! `GET /v1/segments`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::House;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::segments::Stored;

/// The segments, by code.
#[derive(Serialize, ToSchema)]
#[schema(as = Segments)]
pub struct SegmentList {
    /// All of them; there are few.
    segments: Vec<Stored>,
}

/// Lists the segments.
#[utoipa::path(tag = "segments", responses((status = 200, description = "The segments.", body = SegmentList)))]
#[get("/v1/segments")]
pub async fn list(house: Data<House>, _call: May<op::ListSegments>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(SegmentList { segments: house.segments.list().await? }))
}

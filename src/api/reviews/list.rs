//! `GET /v1/reviews`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::paging::{self, List, Paging};
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Instant, Query};
use crate::graph::matching::Waterfall;
use crate::store::rows::ReviewRow;
use crate::types::{ReviewId, SubjectId};
use crate::vault::Row;

const LIST: List = List { path: "/v1/reviews", row: Row::id(*b"reviews cursor\0\0") };

/// Two records that may be of one person.
#[derive(Serialize, ToSchema)]
#[schema(as = Review)]
pub struct ReviewView {
    /// Its id.
    id: ReviewId,
    /// The person of the one record when it was compared.
    one_subject_id: SubjectId,
    /// The number of the one record.
    #[schema(example = "221398710000640")]
    one_record: String,
    /// The person of the other record.
    other_subject_id: SubjectId,
    /// The number of the other.
    other_record: String,
    /// What the comparisons came to, in bits.
    weight: f64,
    /// The comparisons one by one, in levels of agreement and weights; no values.
    #[schema(value_type = Option<Object>)]
    waterfall: Option<Waterfall>,
    /// When it was last weighed.
    made_at: Instant,
}

/// A page of open questions.
#[derive(Serialize, ToSchema)]
#[schema(as = Reviews)]
pub struct ReviewPage {
    /// The questions, oldest first.
    reviews: Vec<ReviewView>,
    /// The cursor of the next page; null at the end. The header `Link`, `rel="next"`, has the whole address.
    next: Option<String>,
}

impl From<&ReviewRow> for ReviewView {
    fn from(row: &ReviewRow) -> Self {
        Self {
            id: row.review_id,
            one_subject_id: row.one_id,
            one_record: row.one_no.0.to_string(),
            other_subject_id: row.other_id,
            other_record: row.other_no.0.to_string(),
            weight: f64::from(row.weight) / 1000.0,
            waterfall: serde_json::from_str(&row.waterfall).ok(),
            made_at: Instant(row.made_at),
        }
    }
}

/// Lists the pairs of records that may be of one person.
///
/// The evidence is told in levels of agreement; no value of either record is opened. `GET /v1/reviews/{review_id}` shows both side by
/// side.
#[utoipa::path(tag = "rights", params(Paging), responses((status = 200, description = "A page.", body = ReviewPage)))]
#[get("/v1/reviews")]
pub async fn list(house: Data<House>, call: May<op::ListReviews, Query<Paging>>) -> Result<HttpResponse, Problem> {
    let Query(Paging { cursor, limit }) = call.sent;
    let limit = paging::limit(limit)?;
    let after = cursor.map(|cursor| LIST.place(&house, &cursor)).transpose()?;
    let after = after.map(|place: [u8; 16]| ReviewId::from_slice(&place)).transpose().map_err(|_| paging::foreign())?;
    // One more than wanted shows whether there is a next page.
    let mut found = house.intake.reviews(after, i64::try_from(limit + 1).unwrap_or(i64::MAX)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|row| row.review_id);
    let next = last.map(|id| LIST.cursor(&house, &id.bytes())).transpose()?;
    let mut reply = HttpResponse::Ok();
    paging::link(&mut reply, LIST.path, next.as_deref(), limit);
    Ok(reply.json(ReviewPage { reviews: found.iter().map(ReviewView::from).collect(), next }))
}

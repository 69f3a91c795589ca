//! `POST /v1/reviews/{review_id}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{Body, House, once};
use crate::intake::Answer;
use crate::types::{ReviewId, SubjectId};

/// What somebody says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewDecision)]
pub struct Decision {
    /// Are they of one person?
    answer: Answer,
}

/// Whose the two records are now.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewOutcome)]
pub struct Outcome {
    /// The person of the one record.
    one_subject_id: SubjectId,
    /// The person of the other; the same if they were joined.
    other_subject_id: SubjectId,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<ReviewId>, Body<Decision>);

/// Decides whether two records are of one person.
///
/// `same` joins their people, `not_same` keeps them apart for good, `unsure` changes nothing; none of them is asked again.
#[utoipa::path(
    tag = "rights",
    params(("review_id" = ReviewId, Path, description = "The question.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    request_body(content = Decision, example = json!({"answer": "not_same"})),
    responses(
        (status = 200, description = "It is decided.", body = Outcome),
        (status = 404, description = "There is no open question with this id."),
        (status = 409, description = "They are one person by now: take them apart instead."),
    )
)]
#[post("/v1/reviews/{review_id}")]
pub async fn decide(house: Data<House>, call: May<op::DecideReview, Sent>) -> Result<HttpResponse, Problem> {
    let (id, Body(Decision { answer })) = call.sent;
    let (id, caller) = (id.into_inner(), call.caller);
    let decided = once::apart(async move { Ok(house.intake.decide(id, answer, &caller).await?) }).await?;
    Ok(HttpResponse::Ok().json(Outcome { one_subject_id: decided.one, other_subject_id: decided.other }))
}

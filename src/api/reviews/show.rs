//! `GET /v1/reviews/{review_id}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Instant};
use crate::gateway::{Disclosed, MaskedPerson, MaskedRecord, MaskedValue};
use crate::graph::matching::{Field, Level, Step, Verdict, Waterfall};
use crate::intake::Question;
use crate::types::{RecordKind, RecordNo, ReviewId, SubjectId};

/// Two people who may be one, side by side.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewDetail)]
pub struct Detail {
    /// The question.
    id: ReviewId,
    /// The person of the one record.
    one: SideView,
    /// The person of the other.
    other: SideView,
    /// What the comparisons came to, in bits.
    weight: f64,
    /// What it begins with, in bits, before anything is compared.
    prior: Option<f64>,
    /// What the comparisons would have followed by themselves; `veto` says what stands against it.
    verdict: Option<Verdict>,
    /// The comparisons of the two records one by one. What agrees is told of the values as they are, not as they are shown.
    comparisons: Vec<Comparison>,
    /// When it was last weighed.
    made_at: Instant,
}

/// One of the two people.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewSide)]
pub struct SideView {
    /// The person.
    subject_id: SubjectId,
    /// The record that was compared.
    #[schema(example = "221398710000640")]
    record: String,
    /// Up to twelve of the person's records, the compared one first.
    records: Vec<RecordView>,
    /// How many records of theirs may be read under this purpose.
    records_in_all: usize,
}

/// A record, as far as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = MaskedRecord)]
pub struct RecordView {
    /// Its number.
    record: String,
    /// What it is.
    r#type: RecordKind,
    /// The code of its source.
    source: String,
    /// When it arrived.
    arrived_at: Instant,
    /// What is compared of it, masked.
    values: Vec<ValueView>,
}

/// A value, masked: beginnings of names and streets, initials of a mailbox, the last two digits of a number, the year of a birth.
#[derive(Serialize, ToSchema)]
#[schema(as = MaskedValue)]
pub struct ValueView {
    /// What it is compared as.
    field: Field,
    /// What is shown of it.
    #[schema(value_type = String, example = "Mu•••")]
    value: Disclosed<String>,
}

/// One comparison.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewComparison)]
pub struct Comparison {
    /// What was compared.
    field: Field,
    /// How well it agrees.
    level: Level,
    /// What that is worth by the model, in bits.
    weight: f64,
    /// What is added because the value is rare, or taken because it is frequent, in bits.
    frequency: f64,
}

/// Shows two people who may be one side by side, masked.
///
/// What is compared of their records is shown as far as it takes to decide, and no value whole. Both are read under the purpose
/// `identity_matching`, and the audit book says so.
#[utoipa::path(
    tag = "rights",
    params(("review_id" = ReviewId, Path, description = "The question.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses(
        (status = 200, description = "Both, masked.", body = Detail),
        (status = 404, description = "There is no open question with this id, or one of the two may not be read: always the same."),
    )
)]
#[get("/v1/reviews/{review_id}")]
pub async fn show(house: Data<House>, call: May<op::ShowReview, Path<ReviewId>>) -> Result<HttpResponse, Problem> {
    let question = house.intake.question(call.sent.into_inner(), &call.caller).await?;
    Ok(HttpResponse::Ok().json(Detail::from(question)))
}

impl From<Question> for Detail {
    fn from(Question { review, sides: [one, other] }: Question) -> Self {
        let waterfall: Option<Waterfall> = serde_json::from_str(&review.waterfall).ok();
        Self {
            id: review.review_id,
            one: SideView::of(one, review.one_no),
            other: SideView::of(other, review.other_no),
            weight: f64::from(review.weight) / 1000.0,
            prior: waterfall.as_ref().map(|waterfall| waterfall.prior.bits()),
            verdict: waterfall.as_ref().map(|waterfall| waterfall.verdict),
            comparisons: waterfall.iter().flat_map(|waterfall| &waterfall.steps).map(Comparison::from).collect(),
            made_at: Instant(review.made_at),
        }
    }
}

impl SideView {
    fn of(person: MaskedPerson, record: RecordNo) -> Self {
        Self {
            subject_id: person.subject,
            record: record.0.to_string(),
            records: person.records.into_iter().map(RecordView::from).collect(),
            records_in_all: person.records_in_all,
        }
    }
}

impl From<MaskedRecord> for RecordView {
    fn from(record: MaskedRecord) -> Self {
        let value = |MaskedValue { field, value }: MaskedValue| ValueView { field, value };
        Self {
            record: record.record.0.to_string(),
            r#type: record.kind,
            source: record.source,
            arrived_at: Instant(record.arrived_at),
            values: record.values.into_iter().map(value).collect(),
        }
    }
}

impl From<&Step> for Comparison {
    fn from(step: &Step) -> Self {
        let Step { field, level, weight, frequency } = *step;
        Self { field, level, weight: weight.bits(), frequency: frequency.bits() }
    }
}

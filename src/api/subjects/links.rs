//! `GET /v1/subjects/{subject_id}/links`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::number;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Instant};
use crate::audit::{Act, Line};
use crate::graph::Rule;
use crate::graph::matching::Waterfall;
use crate::rights::Linked;
use crate::store;
use crate::types::{RecordKind, RecordNo, SubjectId};

/// Why the records of a person are theirs.
#[derive(Serialize, ToSchema)]
#[schema(as = SubjectLinks)]
pub struct Links {
    /// The person now.
    subject_id: SubjectId,
    /// Those who were merged into the person and brought something along.
    parts: Vec<PartView>,
    /// The records, in the order of arrival.
    records: Vec<RecordView>,
    /// The reasons, oldest first.
    links: Vec<LinkView>,
}

/// Somebody who was merged into the person.
#[derive(Serialize, ToSchema)]
#[schema(as = SubjectPart)]
pub struct PartView {
    /// Who they were.
    subject_id: SubjectId,
    /// Since when they are part of the person.
    merged_at: Instant,
}

/// A record, without anything it says.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkedRecord)]
pub struct RecordView {
    /// Its number.
    #[schema(example = "221398710000640")]
    record: String,
    /// What it is.
    r#type: RecordKind,
    /// The code of its source.
    source: String,
    /// When it arrived.
    arrived_at: Instant,
    /// For whom it was sealed: the person, or the part it came with.
    part: SubjectId,
}

/// Why a record belongs to the person.
#[derive(Serialize, ToSchema)]
#[schema(as = SubjectLink)]
pub struct LinkView {
    /// The record.
    record: String,
    /// The record it was found equal to, or the oldest that has the value which a rule joined by, if that is known.
    other_record: Option<String>,
    /// By which rule.
    rule: Rule,
    /// What the comparisons came to, in bits; null for a rule.
    weight: Option<f64>,
    /// The comparisons one by one, in levels of agreement and weights; no values.
    #[schema(value_type = Option<Object>)]
    waterfall: Option<Waterfall>,
    /// Who was joined in by it.
    joined: Option<SubjectId>,
    /// When.
    decided_at: Instant,
}

/// Shows why the records of a person are theirs.
///
/// Nothing is opened: a rule names what agreed, a comparison how well and what that is worth.
#[utoipa::path(
    tag = "rights",
    params(("subject_id" = SubjectId, Path, description = "The person.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    responses(
        (status = 200, description = "The reasons.", body = Links),
        (status = 404, description = "Nobody is known by this id."),
    )
)]
#[get("/v1/subjects/{subject_id}/links")]
pub async fn links(house: Data<House>, call: May<op::ReadLinks, Path<SubjectId>>) -> Result<HttpResponse, Problem> {
    let linked = house.rights.linked(call.sent.into_inner()).await?;
    let line = call.caller.named_in(Line::new(Act::Explained).object("links").about(house.rights.names_of(&linked)?));
    house.book.note(line).await?;
    Ok(HttpResponse::Ok().json(view(&house, &linked)?))
}

fn view(house: &House, linked: &Linked) -> Result<Links, Problem> {
    let rows = &linked.rows;
    let edition = house.rulebook.edition();
    let records = rows.records.iter().map(|row| {
        Ok(RecordView {
            record: number(row.record_no),
            r#type: RecordKind::try_from(row.kind).map_err(store::Error::from)?,
            source: edition.source(row.source_no).map_or_else(String::new, |source| source.code.clone()),
            arrived_at: Instant(row.ingested_at),
            part: row.sealed_for,
        })
    });
    let reasons = linked.links.iter().map(|row| {
        let joined = row.merged_from.as_deref().map(SubjectId::from_slice).transpose();
        Ok(LinkView {
            record: number(row.record_no),
            other_record: (row.other_no != 0).then(|| number(RecordNo(row.other_no))),
            rule: Rule::try_from(row.rule).map_err(store::Error::from)?,
            weight: (!row.waterfall.is_empty()).then(|| f64::from(row.weight) / 1000.0),
            waterfall: serde_json::from_str(&row.waterfall).ok(),
            joined: joined.map_err(store::Error::from)?,
            decided_at: Instant(row.decided_at),
        })
    });
    Ok(Links {
        subject_id: rows.subject,
        parts: rows
            .merged
            .iter()
            .map(|row| PartView { subject_id: row.subject_id, merged_at: Instant(row.merged_at) })
            .collect(),
        records: records.collect::<Result<_, Problem>>()?,
        links: reasons.collect::<Result<_, Problem>>()?,
    })
}

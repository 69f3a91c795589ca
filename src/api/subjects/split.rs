//! `POST /v1/subjects/{subject_id}/split`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::record;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::intake::{Out, Papers};
use crate::types::{RecordNo, RequestId, SubjectId};

/// Who is to be taken out of a person: people who were merged into them, or single records. One of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSplit)]
pub struct Split {
    /// People who were merged into this one; each becomes a person again, with what arrived for them since.
    #[serde(default)]
    #[schema(max_items = 100)]
    parts: Vec<SubjectId>,
    /// Numbers of records, as the links show them; together they become one new person.
    #[serde(default)]
    #[schema(max_items = 1000)]
    records: Vec<String>,
}

/// What became of the person.
#[derive(Serialize, ToSchema)]
#[schema(as = Split)]
pub struct Done {
    /// Who keeps the id.
    subject_id: SubjectId,
    /// Who was taken out. They are never joined with this person again, unless somebody decides so.
    taken_out: Vec<SubjectId>,
    /// The request that stands for it; it lists those to be told.
    request_id: RequestId,
    /// Those who received data of both as of one, to be told (Art. 19 GDPR).
    recipients: Vec<String>,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<SubjectId>, Body<Split>);

/// Takes apart who was taken for one person.
///
/// Records, identifiers, consents and keys go back to whom they were given to, what arrived since the merge included.
/// Segments follow by themselves. Whoever received data of both is listed with a request, as after an erasure.
#[utoipa::path(
    tag = "rights",
    params(("subject_id" = SubjectId, Path, description = "The person.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")),
    request_body(content = Split, example = json!({"parts": ["0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3f"]})),
    responses(
        (status = 200, description = "They are apart.", body = Done),
        (status = 404, description = "Nobody is known by this id."),
        (status = 409, description = "What is named is no part of the person, or all of them."),
    )
)]
#[post("/v1/subjects/{subject_id}/split")]
pub async fn split(house: Data<House>, call: May<op::SplitSubject, Sent>) -> Result<HttpResponse, Problem> {
    let (id, Body(Split { parts, records })) = call.sent;
    let records: Vec<RecordNo> = records.iter().map(|text| record(text, "/records")).collect::<Result<_, Problem>>()?;
    let out = match (parts.is_empty(), records.is_empty()) {
        (false, true) => Out::Parts(parts.clone()),
        (true, false) => Out::Records(records.clone()),
        (true, true) => return Err(Problem::new(Code::MissingField, "Name parts or records.").at("/parts")),
        (false, false) => {
            return Err(Problem::new(Code::InvalidValue, "Name parts or records, not both.").at("/records"));
        }
    };
    let (id, caller) = (id.into_inner(), call.caller);
    let done = once::apart(async move {
        let correction = house.rights.correction(id, &parts, &records, &caller).await?;
        let recipients = correction.notices.iter().map(|notice| notice.recipient.clone()).collect();
        let request_id = correction.request.request_id;
        let papers = Papers { decided: true, request: Some(correction.request), notices: correction.notices };
        let done = house.intake.separate(id, &out, &papers, Some(&caller)).await?;
        Ok(Done { subject_id: done.kept, taken_out: done.out, request_id, recipients })
    })
    .await?;
    Ok(HttpResponse::Ok().json(done))
}

//! `POST /v1/subjects/{subject_id}/rectification`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::once::{self, Key, Reply};
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Document, House};
use crate::intake::Papers;
use crate::types::{RequestId, SubjectId};

/// What a person says of themselves, in the place of what is said of them. One of the two at least.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRectification {
    /// As the `person` of a customer's record; what it does not name stays as it is.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    person: Map<String, Value>,
    /// As the `addresses` of a customer's record; they take the place of all that are known so far.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, max_items = 20)]
    addresses: Vec<Value>,
}

/// It was written down.
#[derive(Serialize, ToSchema)]
pub struct Rectification {
    /// The person.
    subject_id: SubjectId,
    /// The request that stands for it.
    request_id: RequestId,
    /// Those who received data of the person, to be told (Art. 19 GDPR).
    recipients: Vec<String>,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<SubjectId>, Key, Document<NewRectification>);

/// Rectifies what is said of a person (Art. 16 GDPR).
///
/// What the person says of themselves comes before what any source says, now and later, whatever the rules of survivorship are, until
/// they rectify it again; addresses that a source tells of later stand behind it. The sources keep their records as they are; whoever received data of the person is listed with the request.
/// Contact points and numbers are rectified where they come from.
#[utoipa::path(
    tag = "rights",
    params(
        ("subject_id" = SubjectId, Path, description = "The person.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e"),
        ("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, example = "3f2b7c", description = "1 to 255 printable ASCII characters. The same key with the same request gets the same reply for 24 hours."),
    ),
    request_body(content = NewRectification, example = json!({"person": {"family_name": "Muster-Schmidt"}})),
    responses(
        (status = 201, description = "It was written down.", body = Rectification),
        (status = 404, description = "Nobody is known by this id."),
    )
)]
#[post("/v1/subjects/{subject_id}/rectification")]
pub async fn rectify(house: Data<House>, call: May<op::RectifySubject, Sent>) -> Result<HttpResponse, Problem> {
    let (id, key, Document { body: NewRectification { person, addresses }, digest }) = call.sent;
    if person.is_empty() && addresses.is_empty() {
        return Err(Problem::new(Code::MissingField, "Name what is to be rectified.").at("/person"));
    }
    let mut data = Map::new();
    if !person.is_empty() {
        data.insert("person".to_owned(), person.into());
    }
    if !addresses.is_empty() {
        data.insert("addresses".to_owned(), addresses.into());
    }
    let (id, caller) = (id.into_inner(), call.caller);
    let (by, house_now) = (call.key, house.clone());
    // The key stands for the person, too: the same words about somebody else are another call.
    let digest = Sha256::new().chain_update(id.bytes()).chain_update(digest).finalize().into();
    let work = async move {
        let correction = house.rights.rectification(id, &caller).await?;
        let recipients = correction.notices.iter().map(|notice| notice.recipient.clone()).collect();
        let request = &correction.request;
        let done = Rectification { subject_id: request.subject_id, request_id: request.request_id, recipients };
        let papers = Papers { decided: true, request: Some(correction.request), notices: correction.notices };
        house.intake.rectify(id, data, papers, &caller).await?;
        Reply::json(StatusCode::CREATED, &done)
    };
    let operation = "POST /v1/subjects/{subject_id}/rectification";
    Ok(once::once(house_now, by, key, operation, digest, work).await?.send())
}

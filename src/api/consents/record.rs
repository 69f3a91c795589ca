//! `POST /v1/consents`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::Statement;
use crate::api::caller::May;
use crate::api::once::{self, Key, Reply};
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::whom::whom;
use crate::api::{Document, House, causes};
use crate::intake::Recorded;
use crate::types::{ApiKeyId, Role, SubjectId};

/// What became of a statement.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementReply)]
pub struct Heard {
    /// False: the very same statement was there already, or it is a yes of an erased person from before their erasure.
    recorded: bool,
    /// Whose it is, more than one for a no about a shared contact point. For the data protection officer only, because
    /// an id tells when the hub first saw a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    subject_ids: Vec<SubjectId>,
}

/// Records what a person said about the use of their data.
///
/// When the reply is sent, every read that starts later, on any node, knows it. An identifier nobody has yet is kept, so
/// that a no made today holds for data that comes tomorrow; the reply does not tell which it was. Sending the very same statement (with
/// `at`) again changes nothing.
#[utoipa::path(
    tag = "consents",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable ASCII characters. The same key with the same request gets the same reply for 24 hours.")),
    request_body = Statement,
    responses(
        (status = 201, description = "Recorded.", body = Heard),
        (status = 200, description = "It was there already.", body = Heard),
        (status = 409, description = "A yes about an identifier that several people share: nothing is recorded. The caller thereby learns that it is shared, and nothing about who shares it; a yes that is silently dropped, or recorded for the wrong person, would be worse. Name the person by id.", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
    )
)]
#[post("/v1/consents")]
pub async fn record(
    house: Data<House>,
    call: May<op::RecordConsent, (Key, Document<Statement>)>,
) -> Result<HttpResponse, Problem> {
    let by = call.by();
    let (key, Document { body, digest }) = call.sent;
    let work = enter(house.clone(), by, body);
    Ok(once::once(house, by.0, key, "POST /v1/consents", digest, work).await?.send())
}

async fn enter(house: Data<House>, by: (ApiKeyId, Role), mut statement: Statement) -> Result<Reply, Problem> {
    let (subject, identifier) = (statement.subject_id, statement.identifier.take());
    // What is wrong with the identifier shows here, with its place in the body.
    whom(subject, identifier.as_ref(), &house)?;
    let edition = house.rulebook.edition();
    let purpose = statement.purpose.as_ref().and_then(|code| edition.purpose(code)).map(Arc::as_ref);
    let stated = statement.entry(by.1, purpose, house.clock.now())?;
    let Recorded { subjects, added } = match (subject, &identifier) {
        (_, Some(identifier)) => house.intake.record_for(identifier.named(), stated, by).await?,
        (Some(subject), None) => house.intake.record(subject, stated, Some(by)).await?,
        (None, None) => return Err(causes::nobody()),
    };
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    let subject_ids = if by.1 == Role::Dpo { subjects } else { Vec::new() };
    Reply::json(status, &Heard { recorded: added, subject_ids })
}

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
use crate::api::{Document, House};
use crate::types::{ApiKeyId, Role, SubjectId};

/// What became of a statement.
#[derive(Serialize, ToSchema)]
pub struct Recorded {
    /// False: the very same statement was there already.
    recorded: bool,
    /// The person; for the data protection officer only, because ids tell when the hub first saw a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subject_id: Option<SubjectId>,
}

/// Records what a person said about the use of their data.
///
/// When the reply is sent, every read that starts later, on any node, knows it. Sending the very same statement (with
/// `at`) again changes nothing.
#[utoipa::path(
    tag = "consents",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable ASCII characters. The same key with the same request gets the same reply for 24 hours.")),
    request_body = Statement,
    responses(
        (status = 201, description = "Recorded.", body = Recorded),
        (status = 200, description = "It was there already.", body = Recorded),
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

async fn enter(house: Data<House>, by: (ApiKeyId, Role), statement: Statement) -> Result<Reply, Problem> {
    let who = whom(statement.subject_id, statement.identifier.as_ref(), &house)?;
    let edition = house.rulebook.edition();
    let purpose = statement.purpose.as_ref().and_then(|code| edition.purpose(code)).map(Arc::as_ref);
    let (entry, proof) = statement.entry(by.1, purpose, house.clock.now())?;
    // Somebody nobody knows is 404 here: intake has no person to seal the proof for.
    let (subject, recorded) = house.intake.record(who, entry, proof, by).await?;
    let status = if recorded { StatusCode::CREATED } else { StatusCode::OK };
    Reply::json(status, &Recorded { recorded, subject_id: (by.1 == Role::Dpo).then_some(subject) })
}

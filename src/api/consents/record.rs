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
use crate::intake::{MATCHING, Recorded};
use crate::types::{ApiKeyId, Role, SubjectId};

/// What became of a statement.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementReply)]
pub struct Heard {
    /// False: the very same statement was there already, or it is a yes of an erased person from before their erasure.
    recorded: bool,
    /// Whose it is, more than one for a no about a shared contact point, and for an objection to `identity_matching` that took
    /// somebody apart. For the data protection officer only, because an id tells when the hub first saw a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    subject_ids: Vec<SubjectId>,
}

/// Records what a person said about the use of their data.
///
/// When the reply is sent, every read that starts later, on any node, knows it. An identifier nobody has yet is kept, so
/// that a no made today holds for data that comes tomorrow; the reply does not tell which it was. Sending the very same
/// statement (with `at`) again changes nothing.
///
/// Where several people share the identifier, a no counts for all of them. A yes counts for none, because it is one
/// person's and nobody knows whose; it is kept with its proof, and the reply is the same as for an identifier nobody
/// has, so that nobody learns who shares one. Send such a yes with a record of the person (`consents`) instead.
///
/// Whoever objects to `identity_matching` is taken apart into what each source says of its own accounts, and every no they said
/// holds for each of these; whoever takes that back (`objection_lifted`) is compared again.
#[utoipa::path(
    tag = "consents",
    params(("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, example = "3f2b7c", description = "1 to 255 printable ASCII characters. The same key with the same request gets the same reply for 24 hours.")),
    request_body(content = Statement, example = json!({
        "identifier": {"kind": "email", "value": "erika@muster.org"}, "purpose": "newsletter_email", "channel": "email",
        "act": "granted", "at": "2026-01-10T09:05:12Z", "method": "double_opt_in", "text_version": "2026-01",
        "requested_at": "2026-01-10T09:05:12Z", "confirmed_at": "2026-01-10T09:06:40Z",
        "evidence": {"form_url": "https://shop.example/newsletter"},
    })),
    responses(
        (status = 201, description = "Recorded.", body = Heard),
        (status = 200, description = "It was there already.", body = Heard),
        (status = 404, description = "Nobody has this `subject_id`."),
        (status = 409, description = "For the data protection officer only: a yes about an identifier that several people share. Nothing is recorded; name the person by id."),
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
    let about_matching = statement.purpose.as_ref().is_some_and(|purpose| purpose.as_str() == MATCHING);
    let stated = statement.entry(by.1, purpose, house.clock.now())?;
    let Recorded { subjects, added } = match (subject, &identifier) {
        (_, Some(identifier)) => house.intake.record_for(identifier.named(), stated, by).await?,
        (Some(subject), None) => house.intake.record(subject, stated, Some(by)).await?,
        (None, None) => return Err(causes::nobody()),
    };
    let mut subjects = subjects;
    if about_matching {
        let told = async |person| house.rights.told_apart(person).await;
        // What was said is recorded and noted.
        if let Err(error) = house.intake.heed_objections_of(&subjects, told).await {
            tracing::error!(error = ?error, "who objected to being matched is taken apart later");
        }
        // Whoever did it, this call or another: the database says who they are.
        match house.rights.apart_from(&subjects).await {
            Ok(apart) => subjects.extend(apart),
            Err(error) => tracing::error!(error = ?error, "who was taken apart cannot be read now"),
        }
    }
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    let subject_ids = if by.1 == Role::Dpo { subjects } else { Vec::new() };
    Reply::json(status, &Heard { recorded: added, subject_ids })
}

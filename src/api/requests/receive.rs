//! `POST /v1/requests`.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RequestView, Zip, carry_out};
use crate::api::caller::May;
use crate::api::once::{self, Key, Reply};
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::whom::whom;
use crate::api::{Document, House, Identifier, Instant};
use crate::gateway::Caller;
use crate::rights::{Certificate, Kind};
use crate::types::{RequestId, SubjectId};

/// A demand of an identified person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRequest)]
pub struct Demand {
    /// Which right.
    right: Kind,
    /// The person, by id.
    #[serde(default)]
    subject_id: Option<SubjectId>,
    /// The person, by an identifier; instead of the id.
    #[serde(default)]
    identifier: Option<Identifier>,
    /// When it reached the merchant, by whatever way. Without it: now.
    #[serde(default)]
    received_at: Option<Instant>,
    /// Carry it out at once: the reply is then the package or the certificate. An erasure cannot be undone.
    #[serde(default)]
    execute: bool,
}

/// The reply: the request, or the certificate of an erasure that was carried out at once.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = RequestReply)]
pub enum Taken {
    /// It waits.
    Request(RequestView),
    /// It is done.
    Certificate(Certificate),
}

/// Takes a request in; with `execute`, carries it out at once.
///
/// That the person is who they say they are has been checked by whoever calls (Art. 12(6) GDPR). `Location` names the
/// request. With an `Idempotency-Key` it is taken in once; a repeated call with `execute` answers that same request
/// again, an access by a package built anew.
#[utoipa::path(
    tag = "rights",
    params(("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, example = "3f2b7c", description = "1 to 255 printable ASCII characters. The same key with the same request takes it in once, for 24 hours.")),
    request_body(content = Demand, example = json!({
        "right": "access", "identifier": {"kind": "email", "value": "erika@muster.org"}, "received_at": "2026-03-07T13:40:01Z",
    })),
    responses(
        (status = 201, description = "It waits; or, with `execute`, its answer.", content(
            (Taken = "application/json"),
            (inline(Zip) = "application/zip"),
        ), headers(("Location" = String, description = "The address of the request."))),
        (status = 404, description = "Nobody is known by this."),
        (status = 409, description = "It cannot be carried out now, because the person's data is restricted (Art. 18 GDPR); \
            or several people hold the identifier, and the detail names their ids; \
            or a call with this idempotency key is still running."),
    )
)]
#[post("/v1/requests")]
pub async fn receive(
    house: Data<House>,
    call: May<op::ReceiveRequest, (Key, Document<Demand>)>,
) -> Result<HttpResponse, Problem> {
    let (key, Document { body, digest }) = call.sent;
    let (execute, caller) = (body.execute, call.caller.clone());
    // Only the receipt is kept for the key: an answer holds personal data.
    let work = take_in(house.clone(), body, call.caller);
    let reply = once::once(house.clone(), call.key, key, "POST /v1/requests", digest, work).await?;
    let Receipt { id } = serde_json::from_slice(reply.body()).map_err(Problem::internal)?;
    if execute {
        return Ok(carry_out(house, id, caller).await?.send(StatusCode::CREATED, id));
    }
    let mut reply = reply.send();
    let location = HeaderValue::try_from(format!("/v1/requests/{id}")).map_err(Problem::internal)?;
    reply.headers_mut().insert(LOCATION, location);
    Ok(reply)
}

/// What a kept reply is asked for.
#[derive(Deserialize)]
struct Receipt {
    id: RequestId,
}

async fn take_in(house: Data<House>, demand: Demand, caller: Caller) -> Result<Reply, Problem> {
    let who = whom(demand.subject_id, demand.identifier.as_ref(), &house)?;
    let at = demand.received_at.map(|at| at.0);
    let request = house.rights.receive(demand.right, who, at, &caller).await?;
    Reply::json(StatusCode::CREATED, &RequestView::from(&request))
}

//! `POST /v1/requests`.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RequestView, Zip, carry_out};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::whom::whom;
use crate::api::{Body, House, Identifier, Instant, once};
use crate::rights::{Certificate, Kind};
use crate::types::SubjectId;

/// A demand of an identified person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
pub enum Taken {
    /// It waits.
    Request(RequestView),
    /// It is done.
    Certificate(Certificate),
}

/// Takes a request in; with `execute`, carries it out at once.
///
/// That the person is who they say they are has been checked by whoever calls (Art. 12(6) GDPR). `Location` names the
/// request.
#[utoipa::path(
    tag = "rights",
    request_body = Demand,
    responses((status = 201, description = "It waits; or, with `execute`, its answer.", content(
        (Taken = "application/json"),
        (inline(Zip) = "application/zip"),
    )))
)]
#[post("/v1/requests")]
pub async fn receive(house: Data<House>, call: May<op::ReceiveRequest, Body<Demand>>) -> Result<HttpResponse, Problem> {
    let Body(Demand { right, subject_id, identifier, received_at, execute }) = call.sent;
    let who = whom(subject_id, identifier.as_ref(), &house)?;
    let (caller, rooms) = (call.caller.clone(), house.clone());
    let at = received_at.map(|at| at.0);
    let request = once::apart(async move { Ok(rooms.rights.receive(right, who, at, &caller).await?) }).await?;
    let id = request.case().id;
    if execute {
        return Ok(carry_out(house, id, call.caller).await?.send(StatusCode::CREATED, id));
    }
    let location = (LOCATION, format!("/v1/requests/{id}"));
    Ok(HttpResponse::Created().insert_header(location).json(RequestView::from(&request)))
}

//! `POST /v1/sources/{code}/deletions`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::webhook::{Bytes, not_heard};
use super::{demand, unknown};
use crate::api::problem::{Code, Problem};
use crate::api::{House, once};
use crate::connect::{Demanded, NoSession};
use crate::types::RequestId;

/// Where the person sees how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = PassedOnDeletion)]
pub struct PassedOn {
    /// The page.
    #[schema(example = "https://hub.example/v1/sources/meta/deletions/0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e")]
    url: String,
    /// The code in it.
    confirmation_code: RequestId,
}

/// Takes the demand of a person that a vendor passes on.
///
/// The vendor calls this when somebody removes the merchant's app and demands that their data be deleted; the signature over
/// the form is the proof, so no key is needed. The demand becomes a request that waits for the data protection officer. The
/// answer is the same whether the person is known here or not, and while it waits the same demand gets the same code.
#[utoipa::path(
    tag = "rights",
    params(("code" = String, Path, description = "The source.", example = "meta")),
    request_body(
        content = String, content_type = "application/x-www-form-urlencoded", description = "As the vendor writes it.",
        example = json!("signed_request=c2lnbmF0dXJl.cGF5bG9hZA"),
    ),
    responses(
        (status = 200, description = "It was taken in.", body = PassedOn),
        (status = 400, description = "It is too old, or not what this vendor sends."),
        (status = 401, description = "The signature is missing or wrong."),
        (status = 404, description = "There is no such source, or its vendor passes nothing on like this."),
    )
)]
#[post("/v1/sources/{code}/deletions")]
pub async fn pass_on(house: Data<House>, code: Path<String>, Bytes(form): Bytes) -> Result<HttpResponse, Problem> {
    let (source, connection) = house.vendors.connected(&code).await.map_err(|cause| match cause {
        NoSession::Unkept(_) => Problem::internal(cause),
        _ => unknown(),
    })?;
    let connector = house.vendors.catalog.connector(&source.connector).map_err(|_| unknown())?.clone();
    let (Some(deletions), Some(link)) = (connector.deletions(), connector.link()) else { return Err(unknown()) };
    let wish = deletions.hear(link, &connection.parameters, &form, house.clock.now()).map_err(not_heard)?;
    let mut page = wish.hub;
    let code = once::apart(async move {
        let waits = demand::open(&house, &source, Demanded::Erasure, &wish.who).await?;
        // Of somebody who is not known nothing is kept, not even that they asked.
        let fresh = || house.ids.uuid().map(RequestId::from_uuid);
        Ok::<_, Problem>((waits.map_or_else(fresh, Ok).map_err(Problem::internal)?, source.code.clone()))
    });
    let (confirmation_code, source) = code.await?;
    let wrong = || Problem::new(Code::Internal, "The address of the hub cannot be extended.");
    page.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend([
        "v1",
        "sources",
        &source,
        "deletions",
        &confirmation_code.to_string(),
    ]);
    Ok(HttpResponse::Ok().json(PassedOn { url: page.into(), confirmation_code }))
}

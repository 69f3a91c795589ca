//! `DELETE /v1/sources/{code}/subscriptions`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete};

use super::listen::not_listening;
use super::unknown;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, once};
use crate::audit::{Act, Line};

/// Has the vendor of a source tell nothing by itself any more.
///
/// What the hub subscribed to there ends, and the secrets it made or was given for that are forgotten. Where it subscribed to nothing,
/// nothing happens.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses(
        (status = 204, description = "It tells nothing any more."),
        (status = 409, description = "The source is not connected, or the vendor refuses. The text says which."),
    )
)]
#[delete("/v1/sources/{code}/subscriptions")]
pub async fn stop(
    house: Data<House>,
    call: May<op::UnsubscribeAtVendor, Path<String>>,
) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let code = call.sent.into_inner();
    house.rulebook.edition().source_named(&code).ok_or_else(unknown)?;
    let stopped = once::apart(async move {
        let line = Line::new(Act::Configured).by(key, role).object(format!("subscriptions of {code}"));
        house.book.note(line.reasons(vec!["removed".to_owned()])).await?;
        house.vendors.stop_listening(&code).await.map_err(not_listening)
    });
    stopped.await?;
    Ok(HttpResponse::NoContent().finish())
}

//! `POST /v1/sources/{code}/subscriptions`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::{named, unknown};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{House, once};
use crate::audit::{Act, Line};
use crate::connect::{NoSession, NotListening};

/// What came of subscribing at a vendor.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscriptions)]
pub struct SubscribedView {
    /// Subscriptions that were there already.
    kept: usize,
    /// Subscriptions that were made.
    made: usize,
    /// Subscriptions that were ended: under an address of before, turned off by the vendor, or there twice.
    ended: usize,
}

/// Has the vendor of a source, or of a destination, tell by itself what changes.
///
/// The hub looks what it is subscribed to there, and adds what is missing, at the address its operator configured; doing it again
/// is harmless. The secrets that prove what is told are made by the hub or the vendor, and never shown.
#[utoipa::path(
    tag = "administration",
    params(("code" = String, Path, description = "Its code.", example = "webshop")),
    responses(
        (status = 200, description = "It tells from now on.", body = SubscribedView),
        (status = 409, description = "It cannot be subscribed: no address of the hub is configured, the source is not connected, something must be \
            entered first, or the vendor refuses. The text says which."),
    )
)]
#[post("/v1/sources/{code}/subscriptions")]
pub async fn listen(
    house: Data<House>,
    call: May<op::SubscribeAtVendor, Path<String>>,
) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let code = call.sent.into_inner();
    named(&house, &code).await?;
    let came = once::apart(async move {
        let line = Line::new(Act::Configured).by(key, role).object(format!("subscriptions of {code}"));
        // The line first: what is done at the vendor must be on record even if this process ends.
        house.book.note(line).await?;
        house.vendors.listen(&code, house.public_url.as_deref(), false).await.map_err(not_listening)
    });
    let came = came.await?;
    Ok(HttpResponse::Ok().json(SubscribedView { kept: came.kept, made: came.made, ended: came.ended }))
}

pub(super) fn not_listening(cause: NotListening) -> Problem {
    match cause {
        NotListening::NoSession(NoSession::NoSource(_)) => unknown(),
        NotListening::NoSession(NoSession::Unkept(_)) | NotListening::Unkept(_) | NotListening::Entropy(_) => {
            Problem::internal(cause)
        }
        NotListening::NoSession(_)
        | NotListening::Vendor(_)
        | NotListening::ByHand(_)
        | NotListening::NoAddress
        | NotListening::Stopped
        | NotListening::NoSecret(..) => Problem::new(Code::Conflict, cause.to_string()),
    }
}

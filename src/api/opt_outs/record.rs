//! `POST /v1/opt-outs`.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::consent::{Act, Entry, EntryNo, Method};
use crate::intake::{self, Stated};
use crate::segments;
use crate::types::SubjectId;

/// The token of an opt-out link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptOut)]
pub struct Link {
    /// As it came with the member of a segment (`opt_out`).
    #[schema(min_length = 1, max_length = 2048)]
    token: String,
}

/// Takes an objection by the token of a link (Art. 21(2) GDPR; one click, RFC 8058).
///
/// It needs no API key and holds for the purpose and channel the token was made for, from the reply on. The reply is
/// the same whether the person is still known or not, and whether they had objected before.
#[utoipa::path(
    tag = "consents",
    security(()),
    request_body(content = Link, example = json!({"token": "AbCd0123"})),
    responses((status = 204, description = "Recorded, or there is nobody left to record it for."))
)]
#[post("/v1/opt-outs")]
pub async fn opt_out(house: Data<House>, link: Body<Link>) -> Result<HttpResponse, Problem> {
    let Body(Link { token }) = link;
    let wish = house.segments.opt_out(&token).ok_or_else(|| {
        Problem::new(Code::InvalidValue, "This is no token of an opt-out link of this hub.").at("/token")
    })?;
    once::apart(async move {
        let stated = Stated { entry: entry(&house, wish.clone()), evidence: None, dated: false };
        match house.intake.record(wish.subject, stated, None).await {
            Ok(_) | Err(intake::Error::UnknownSubject) => Ok(HttpResponse::NoContent().finish()),
            Err(failure) => Err(failure.into()),
        }
    })
    .await
}

fn entry(house: &House, wish: segments::OptOut) -> Entry {
    let now = house.clock.now();
    let edition = house.rulebook.edition();
    // A purpose that gave the channel up since: then the no holds for all of its channels, lest it be lost.
    let used = edition.purpose(&wish.purpose).is_some_and(|purpose| purpose.channels.contains(&wish.channel));
    Entry {
        act: Act::Objected,
        purpose: Some(wish.purpose),
        channel: used.then_some(wish.channel),
        at: now,
        recorded_at: now,
        // Both come when it is written.
        entry_no: EntryNo(0),
        origin: SubjectId::from_uuid(Uuid::nil()),
        text_version: None,
        method: Method::Link,
        proven: false,
        confirmed: false,
        explicit: false,
        parental: false,
    }
}

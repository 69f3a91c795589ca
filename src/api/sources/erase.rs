//! `POST /v1/sources/{code}/erasures`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{named, persons, unknown};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::audit::{Act, Line};
use crate::connect::{Erasure, Leaves, NoSession, Person};
use crate::rights::NOTHING_FOUND;
use crate::store::deliveries;

/// Whom a vendor is to forget. At least one value; none is kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorErasure {
    /// A mail address.
    #[schema(max_length = 320)]
    email: Option<String>,
    /// A phone number, as the vendor writes it.
    #[schema(max_length = 64)]
    phone: Option<String>,
    /// The customer number at this source.
    #[schema(max_length = 256)]
    customer_number: Option<String>,
    /// The account's id at this source.
    #[schema(max_length = 256)]
    account: Option<String>,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Body<VendorErasure>);

/// Makes the vendor of a source forget a person (Art. 17, 19 GDPR), and looks whether it did.
///
/// The hub itself forgets nobody by this: that is a request. Erase at the vendor first; doing it again is harmless. What
/// became of each kind of object is named honestly: deleted, overwritten, kept by law, left to somebody, or impossible.
#[utoipa::path(
    tag = "rights",
    params(("code" = String, Path, description = "The source.", example = "webshop")),
    request_body(content = VendorErasure, example = json!({"email": "erika.muster@example.org"})),
    responses(
        (status = 200, description = "What became of the person there.", body = Erasure, example = json!({
            "note": "Deletes the customer with addresses. Orders stay, because tax law keeps them.", "leaves": "restricted",
            "steps": [
                {"name": "customer accounts", "found": 1, "leaves": "deleted", "verified": true},
                {"name": "orders", "found": 2, "leaves": "restricted"},
            ],
        })),
        (status = 409, description = "The source is not connected, or its connector cannot erase."),
    )
)]
#[post("/v1/sources/{code}/erasures")]
pub async fn erase(house: Data<House>, call: May<op::EraseAtVendor, Sent>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let (code, Body(VendorErasure { email, phone, customer_number, account })) = call.sent;
    let given = [
        ("/email", &email, 320),
        ("/phone", &phone, 64),
        ("/customer_number", &customer_number, 256),
        ("/account", &account, 256),
    ];
    if given.iter().all(|(_, value, _)| value.as_ref().is_none_or(|value| value.trim().is_empty())) {
        return Err(Problem::new(Code::InvalidValue, "Name the person by at least one value."));
    }
    for (field, value, most) in given {
        if value.as_ref().is_some_and(|value| value.chars().count() > most) {
            return Err(Problem::new(Code::InvalidValue, format!("At most {most} characters.")).at(field));
        }
    }
    let source = named(&house, &code).await?;
    let person = Person { email, phone, customer_number, account, ..Person::default() };
    let report = once::apart(async move {
        // Where nothing can be asked for, what is left to be said needs no connection.
        let connector = house.vendors.catalog.connector(&source.connector).ok();
        if let Some(said) = connector.and_then(|connector| connector.erase()?.without_asking()) {
            let line = Line::new(Act::RecipientTold).by(key, role).object(format!("source {code}"));
            house.book.note(line.reasons(words(&said))).await?;
            return Ok(said);
        }
        let session = house.vendors.session(&code).await.map_err(not_connected)?;
        let connector = session.connector().clone();
        let erase = connector.erase().ok_or_else(|| {
            Problem::new(Code::Conflict, "The connector cannot make the vendor forget anybody; do it there by hand.")
        })?;
        // The line first: what is done at the vendor must be on record even if this process ends.
        let line = || {
            Line::new(Act::RecipientTold).by(key, role).to(format!("source {code}")).object(format!("source {code}"))
        };
        house.book.note(line().reasons(vec!["intended".to_owned()])).await?;
        // What the vendor will tell of it is no new demand.
        let (number, indexes, now) = (source.number, persons::indexes(&house, &source, &person)?, house.clock.now());
        let asked =
            move |write: &mut crate::store::Write<'_>| deliveries::asked_to_forget(write, number, &indexes, now);
        house.store.write(asked).await?;
        let report = erase.run(&session, &person).await;
        house.book.note(line().reasons(words(&report))).await?;
        Ok(report)
    })
    .await?;
    Ok(HttpResponse::Ok().json(report))
}

/// What was left, for the audit book.
fn words(report: &Erasure) -> Vec<String> {
    vec![report.leaves.map_or(NOTHING_FOUND, Leaves::word).to_owned()]
}

fn not_connected(cause: NoSession) -> Problem {
    match cause {
        NoSession::NoSource(_) => unknown(),
        NoSession::Unkept(_) => Problem::internal(cause),
        NoSession::NotConnected(_) | NoSession::Connector(_) | NoSession::Vendor(_) => {
            Problem::new(Code::Conflict, "The source is not connected to its vendor. Use `obhut sources add`.")
        }
    }
}

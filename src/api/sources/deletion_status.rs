//! `GET /v1/sources/{code}/deletions/{confirmation_code}`.

use actix_web::http::header::{CACHE_CONTROL, ContentType, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use super::{named, unknown};
use crate::api::House;
use crate::api::problem::Problem;
use crate::rights::{self, Kind, Request};
use crate::types::RequestId;

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = Path<(String, String)>;

/// Says how far a demand is that a vendor passed on, in German and English.
///
/// Whoever has the code may look. Of somebody who was not known here the page says the same as when everything is done.
#[utoipa::path(
    tag = "rights",
    params(
        ("code" = String, Path, description = "The source.", example = "meta"),
        (
            "confirmation_code" = String, Path, description = "As it was answered to the vendor.",
            example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e",
        ),
    ),
    responses(
        (
            status = 200, description = "Where it stands.", body = String, content_type = "text/plain",
            example = json!("Under this code nothing of you is stored any more, or nothing was found."),
        ),
        (status = 404, description = "There is no such source, or its vendor passes nothing on like this."),
    )
)]
#[get("/v1/sources/{code}/deletions/{confirmation_code}")]
pub async fn show(house: Data<House>, path: Sent) -> Result<HttpResponse, Problem> {
    let (code, confirmation) = path.into_inner();
    let source = named(&house, &code).await?;
    let connector = house.vendors.catalog.connector(&source.connector).map_err(|_| unknown())?;
    connector.deletions().ok_or_else(unknown)?;
    let found = match confirmation.parse::<RequestId>() {
        Ok(id) => match house.rights.request(id).await {
            Ok(request) => Some(request),
            Err(rights::Error::RequestUnknown) => None,
            Err(cause) => return Err(cause.into()),
        },
        Err(_) => None,
    };
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(told(found.as_ref().filter(|request| request.case().kind == Kind::Erasure))))
}

fn told(request: Option<&Request>) -> String {
    let day = |at: crate::types::Timestamp| at.rfc3339().get(..10).unwrap_or_default().to_owned();
    match request {
        Some(Request::Received(received)) => {
            let (since, due) = (day(received.case.received_at), day(received.case.due_at));
            format!(
                "Ihr Verlangen nach Löschung ist am {since} eingegangen und wird bis zum {due} beantwortet.\n\
                 Your demand for erasure arrived on {since} and will be answered by {due}.\n"
            )
        }
        Some(Request::Executing(_)) => {
            "Ihre Daten werden gerade gelöscht.\nYour data is being erased now.\n".to_owned()
        }
        Some(Request::Refused(refused)) => {
            let at = day(refused.at);
            format!(
                "Ihrem Verlangen wurde am {at} nicht gefolgt. Die Gründe und Ihre Rechte stehen in der Antwort des Verantwortlichen; \
                 wenden Sie sich an ihn, wenn Sie keine haben.\nYour demand was not followed on {at}. The reasons and your rights \
                 stand in the controller's answer; turn to them if you have none.\n"
            )
        }
        Some(Request::Answered(_)) | None => {
            "Unter diesem Kennwort ist nichts mehr von Ihnen gespeichert, oder es wurde nichts gefunden. Was ein Gesetz \
             aufzubewahren verlangt, bleibt gesperrt, bis die Frist endet.\nUnder this code nothing of you is stored any more, or \
             nothing was found. What a law demands to keep stays locked until its period ends.\n"
                .to_owned()
        }
    }
}

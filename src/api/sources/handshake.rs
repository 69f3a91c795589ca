//! `GET /v1/sources/{code}/webhooks`.

use actix_web::http::header::{ContentType, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::unknown;
use super::webhook::not_heard;
use crate::api::House;
use crate::api::problem::Problem;
use crate::connect::NoSession;

/// Answers a vendor that tries the address before it tells anything.
///
/// The vendor calls this, not a partner; the token the merchant entered on both sides is the key. The challenge is sent back as it
/// came.
#[utoipa::path(
    tag = "administration",
    params(
        ("code" = String, Path, description = "The source.", example = "meta"),
        ("hub.mode" = Option<String>, Query, nullable = false, description = "`subscribe`.", example = "subscribe"),
        ("hub.verify_token" = Option<String>, Query, nullable = false, description = "The token.", example = "a-token"),
        ("hub.challenge" = Option<String>, Query, nullable = false, description = "What is sent back.", example = "1158201444"),
    ),
    responses(
        (status = 200, description = "The challenge.", body = String, content_type = "text/plain", example = json!("1158201444")),
        (status = 400, description = "There is no challenge, or one that is none."),
        (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such source, or it is not tried like this."),
    )
)]
#[get("/v1/sources/{code}/webhooks")]
pub async fn shake(house: Data<House>, code: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (source, connection) = house.vendors.connected(&code).await.map_err(|cause| match cause {
        NoSession::Unkept(_) => Problem::internal(cause),
        _ => unknown(),
    })?;
    let connector = house.vendors.catalog.connector(&source.connector).map_err(|_| unknown())?;
    let (Some(webhooks), Some(link)) = (connector.webhooks(), connector.link()) else { return Err(unknown()) };
    let query: Vec<(String, String)> = url::form_urlencoded::parse(request.query_string().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let challenge = webhooks.shake(link, &connection.parameters, &query).map_err(not_heard)?;
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(challenge))
}

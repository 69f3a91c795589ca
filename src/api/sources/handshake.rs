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
/// The vendor calls this, not a partner; the token both sides know is the key, where it has one. What is sent back is the challenge as
/// it came, with the token before it for CleverReach, or nothing for who only looks whether somebody is there.
#[utoipa::path(
    tag = "administration",
    params(
        ("code" = String, Path, description = "The source.", example = "meta"),
        ("hub.mode" = Option<String>, Query, nullable = false, description = "`subscribe`.", example = "subscribe"),
        ("hub.verify_token" = Option<String>, Query, nullable = false, description = "The token.", example = "a-token"),
        ("hub.challenge" = Option<String>, Query, nullable = false, description = "What is sent back. Other vendors name it otherwise (`echo`, `secret`), or send nothing.", example = "1158201444"),
    ),
    responses(
        (status = 200, description = "What the vendor wants to see: the challenge, as most do.", body = String, content_type = "text/plain", example = json!("1158201444")),
        (status = 400, description = "There is no challenge, or one that is none."),
        (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such source, or it is not tried like this."),
    )
)]
#[get("/v1/sources/{code}/webhooks")]
pub async fn shake(house: Data<House>, code: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    shaken(&house, (&code, None), &request).await
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = Path<(String, String)>;

/// Answers a vendor that tries an address whose end is a secret.
///
/// As at the address without it.
#[utoipa::path(
    tag = "administration",
    params(
        ("code" = String, Path, description = "The source.", example = "letters"),
        ("secret" = String, Path, description = "What the hub made when it subscribed.", example = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"),
    ),
    responses(
        (status = 200, description = "What the vendor wants to see.", body = String, content_type = "text/plain", example = json!("1158201444")),
        (status = 400, description = "There is no challenge, or one that is none."),
        (status = 401, description = "The end of the address is wrong."),
        (status = 404, description = "There is no such source, or it is not tried like this."),
    )
)]
#[get("/v1/sources/{code}/webhooks/{secret}")]
pub async fn shake_at(house: Data<House>, path: Sent, request: HttpRequest) -> Result<HttpResponse, Problem> {
    shaken(&house, (&path.0, Some(&path.1)), &request).await
}

async fn shaken(
    house: &House,
    (code, secret): (&str, Option<&str>),
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (source, connection) = house.vendors.connected(code).await.map_err(|cause| match cause {
        NoSession::Unkept(_) => Problem::internal(cause),
        _ => unknown(),
    })?;
    let connector = house.vendors.catalog.connector(&source.connector).map_err(|_| unknown())?;
    let (Some(webhooks), Some(link)) = (connector.webhooks(), connector.link()) else { return Err(unknown()) };
    let query: Vec<(String, String)> = url::form_urlencoded::parse(request.query_string().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let challenge = webhooks.shake((link, &connection.parameters), secret, &query).map_err(not_heard)?;
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::plaintext())
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(challenge))
}

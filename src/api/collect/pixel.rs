//! `GET /pixel/v1/{type}`: an event as the address of a picture, for pages and mails without scripts.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::{Map, Value};

use super::RESOURCE_POLICY;
use super::key::Collected;
use super::take::take;
use crate::api::House;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::collect::Kind;

/// A picture of one transparent dot.
const DOT: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
/// Parameters that are read.
const MOST: usize = 100;

/// Takes an event in that is written as the address of a picture.
///
/// Each parameter is a field of the event; a dot leads into an object: `properties.sku=TS-RED-M`. The write key is in
/// `writeKey`.
#[utoipa::path(
    tag = "collection",
    params(
        ("type" = String, Path, description = "`track` or `page`.", example = "page"),
        ("writeKey" = Option<String>, Query, nullable = false, description = "The write key."),
        ("anonymousId" = Option<String>, Query, nullable = false, description = "The visitor."),
        ("userId" = Option<String>, Query, nullable = false, description = "The user's account at the source."),
        ("event" = Option<String>, Query, nullable = false, description = "What happened: of `track`."),
    ),
    responses((status = 200, description = "It is durable; the picture is a transparent dot.", body = Vec<u8>, content_type = "image/gif"))
)]
#[get("/pixel/v1/{type}")]
pub async fn pixel(
    house: Data<House>,
    mut call: Collected<op::CollectPixel>,
    kind: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let kind = match kind.as_str() {
        "track" => Kind::Track,
        "page" => Kind::Page,
        _ => return Err(Problem::new(Code::NotFound, "There is no such call.")),
    };
    call.body = event(request.query_string());
    take(house, call, Some(kind)).await?;
    let headers = [(CONTENT_TYPE, "image/gif"), (CACHE_CONTROL, "no-store"), RESOURCE_POLICY];
    let mut reply = HttpResponse::Ok();
    headers.into_iter().for_each(|header| {
        reply.insert_header(header);
    });
    Ok(reply.body(DOT))
}

/// The event that the query of an address writes.
fn event(query: &str) -> Value {
    let mut event = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).take(MOST) {
        if name == "writeKey" {
            continue;
        }
        match name.split_once('.') {
            Some((object, field)) => {
                let fields = event.entry(object).or_insert_with(|| Value::Object(Map::new()));
                if let Some(fields) = fields.as_object_mut() {
                    fields.insert(field.to_owned(), value.into_owned().into());
                }
            }
            None => {
                event.insert(name.into_owned(), value.into_owned().into());
            }
        }
    }
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dot_leads_into_an_object() {
        let query = "writeKey=k&event=Seen&properties.sku=A%20B&properties.n.m=2&anonymousId=v&event.x=1";
        assert_eq!(
            event(query),
            json!({"event": "Seen", "properties": {"sku": "A B", "n.m": "2"}, "anonymousId": "v"})
        );
    }
}

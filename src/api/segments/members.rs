//! `GET /v1/segments/{code}/members`.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::code;
use crate::api::caller::May;
use crate::api::paging::{self, Paging};
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Query};
use crate::segments::{Cursor, Error, Page, Segment};

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<String>, Query<Paging>, HttpRequest);

/// The form of the reply.
enum Form {
    Json,
    Ndjson,
    Csv,
}

/// Pulls a segment, page by page.
///
/// `Accept` chooses the form: `application/json` (a page with `next`), `application/x-ndjson` (a member per line) or
/// `text/csv` (its header on the first page only, so that pages can be put together). While there is more, the header
/// `Link` names the next page with `rel="next"`; a page may be short or empty before the end. Who is on a page stands in
/// the audit log as handed over to this key.
#[utoipa::path(
    tag = "segments",
    params(("code" = String, Path, description = "The segment's code.", example = "newsletter_subscribers"), Paging),
    responses(
        (status = 200, description = "A page.", content(
            (Page = "application/json"),
            (crate::segments::Member = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = 409, description = "The segment was changed since the page before, or does not fit the purposes in force."),
    )
)]
#[get("/v1/segments/{code}/members")]
pub async fn members(house: Data<House>, call: May<op::PullSegment, Sent>) -> Result<HttpResponse, Problem> {
    let (path, Query(Paging { cursor, limit }), request) = call.sent;
    let code = code(&path)?;
    let limit = paging::limit(limit)?;
    let stored = house.segments.find(&code).await?.ok_or(Error::Unknown)?;
    let from = cursor.as_deref().map(Cursor::from_text);
    let page = house.segments.page(&call.caller, &code, from.as_ref(), limit).await?;
    let mut reply = HttpResponse::Ok();
    reply.insert_header((VARY, "accept"));
    let path = format!("/v1/segments/{code}/members");
    paging::link(&mut reply, &path, page.next.as_ref().map(Cursor::as_str), limit);
    Ok(match form(&request) {
        Form::Json => reply.json(page),
        Form::Ndjson => reply.insert_header((CONTENT_TYPE, "application/x-ndjson")).body(ndjson(&page)?),
        Form::Csv => {
            let body = csv(&house, &stored.segment, &page, from.is_none())?;
            reply.insert_header((CONTENT_TYPE, "text/csv; charset=utf-8")).body(body)
        }
    })
}

fn form(request: &HttpRequest) -> Form {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let accept = accept.to_ascii_lowercase();
    match accept.split([',', ';']).map(str::trim).find(|media| media.contains('/')) {
        Some("text/csv") => Form::Csv,
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => Form::Ndjson,
        _ => Form::Json,
    }
}

fn ndjson(page: &Page) -> Result<Vec<u8>, Problem> {
    let mut lines = Vec::new();
    for member in &page.members {
        serde_json::to_writer(&mut lines, member).map_err(Problem::internal)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn csv(house: &House, segment: &Segment, page: &Page, first: bool) -> Result<Vec<u8>, Problem> {
    let table = house.segments.table(segment)?;
    let mut lines = if first { table.header()? } else { Vec::new() };
    for member in &page.members {
        lines.extend(table.row(member)?);
    }
    Ok(lines)
}

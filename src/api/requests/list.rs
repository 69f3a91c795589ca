//! `GET /v1/requests`.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::RequestView;
use crate::api::caller::May;
use crate::api::paging::{self, List, Paging};
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Query};
use crate::types::RequestId;
use crate::vault::Row;

const LIST: List = List { path: "/v1/requests", row: Row::id(*b"requests cursor\0") };

/// A page of requests, in the order of arrival.
#[derive(Serialize, ToSchema)]
#[schema(as = Requests)]
pub struct RequestPage {
    /// The requests.
    requests: Vec<RequestView>,
    /// The cursor of the next page; null at the end. The header `Link`, `rel="next"`, has the whole address.
    next: Option<String>,
}

/// Lists the requests.
#[utoipa::path(tag = "rights", params(Paging), responses((status = 200, description = "A page.", body = RequestPage)))]
#[get("/v1/requests")]
pub async fn list(house: Data<House>, call: May<op::ListRequests, Query<Paging>>) -> Result<HttpResponse, Problem> {
    let Query(Paging { cursor, limit }) = call.sent;
    let limit = paging::limit(limit)?;
    let after = cursor.map(|cursor| LIST.place(&house, &cursor)).transpose()?;
    let after =
        after.map(|place: [u8; 16]| RequestId::from_slice(&place)).transpose().map_err(|_| paging::foreign())?;
    // One more than wanted shows whether there is a next page.
    let mut found = house.rights.requests(after, i64::try_from(limit + 1).unwrap_or(i64::MAX)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|request| request.case().id);
    let next = last.map(|id| LIST.cursor(&house, &id.bytes())).transpose()?;
    let mut reply = HttpResponse::Ok();
    paging::link(&mut reply, LIST.path, next.as_deref(), limit);
    Ok(reply.json(RequestPage { requests: found.iter().map(RequestView::from).collect(), next }))
}

//! `GET /v1/requests`.

use actix_web::http::header::LINK;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::RequestView;
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{House, Query};
use crate::types::RequestId;

const DEFAULT: usize = 100;
const MOST: usize = 1_000;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The last request of the page before. Without it: from the start.
    #[serde(default)]
    after: Option<RequestId>,
    /// How many, 1 to 1000. Without it: 100.
    #[serde(default)]
    limit: Option<usize>,
}

/// A page of requests, in the order of arrival.
#[derive(Serialize, ToSchema)]
#[schema(as = Requests)]
pub struct RequestPage {
    /// The requests.
    requests: Vec<RequestView>,
    /// Where the next page is; none at the end. Also in the header `Link`, `rel="next"`.
    next: Option<String>,
}

/// Lists the requests.
#[utoipa::path(tag = "rights", params(Which), responses((status = 200, description = "A page.", body = RequestPage)))]
#[get("/v1/requests")]
pub async fn list(house: Data<House>, call: May<op::ListRequests, Query<Which>>) -> Result<HttpResponse, Problem> {
    let Query(Which { after, limit }) = call.sent;
    let limit = limit.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::new(Code::InvalidParameter, "The limit is 1 to 1000.").parameter("limit"));
    }
    // One more than wanted shows whether there is a next page.
    let mut found = house.rights.requests(after, i64::try_from(limit + 1).unwrap_or(i64::MAX)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|request| request.case().id);
    let next = last.map(|id| format!("/v1/requests?after={id}&limit={limit}"));
    let mut reply = HttpResponse::Ok();
    if let Some(next) = &next {
        reply.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
    }
    Ok(reply.json(RequestPage { requests: found.iter().map(RequestView::from).collect(), next }))
}

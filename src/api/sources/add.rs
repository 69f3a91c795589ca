//! `POST /v1/sources`.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::{NewSource, SourceView, check, shown};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::{Body, House, once};
use crate::audit::{Act, Line};
use crate::consent::{Source, Terms};

/// Adds a source.
///
/// Adding the very same source again changes nothing.
#[utoipa::path(
    tag = "administration",
    request_body(content = NewSource, example = json!({
        "code": "trade_fair", "title": "Trade fair", "connector": "api", "terms": {"tells_of_objection": true},
    })),
    responses(
        (status = 201, description = "Added.", body = SourceView),
        (status = 200, description = "It was there already.", body = SourceView),
        (status = 409, description = "Another source has this code."),
    )
)]
#[post("/v1/sources")]
pub async fn add(house: Data<House>, call: May<op::AddSource, Body<NewSource>>) -> Result<HttpResponse, Problem> {
    let (key, role) = call.by();
    let edition = house.rulebook.edition();
    check(&edition, &call.sent.0)?;
    let Body(NewSource { code, title, connector, terms }) = call.sent;
    let wanted = (title.clone(), connector.clone(), terms.clone());
    let known = edition.source_named(&code).is_some();
    let added = once::apart(async move {
        let line = Line::new(Act::Configured).by(key, role).object(format!("source {code}"));
        let ensured = async {
            let source = house.rulebook.ensure_source(code, title, connector, &terms, house.clock.now()).await?;
            let taken = || Problem::new(Code::Conflict, "Another source has this code.").at("/code");
            if is(&source, &wanted) { Ok(source) } else { Err(taken()) }
        };
        if known { ensured.await } else { house.book.change(line, ensured).await }
    });
    let source = added.await?;
    Ok(shown(if known { StatusCode::OK } else { StatusCode::CREATED }, &source))
}

fn is(source: &Source, (title, connector, terms): &(String, String, Terms)) -> bool {
    source.title == *title && source.connector == *connector && source.terms == *terms
}

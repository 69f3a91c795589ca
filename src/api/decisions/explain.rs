//! `POST /v1/decisions`.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::whom::whom;
use crate::api::{Body, House, Identifier};
use crate::consent::Text;
use crate::gateway::{Ask, Caller, Decision};
use crate::types::{ApiKeyId, Category, Channel, PurposeCode, SubjectId};

/// The read to explain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecisionQuestion)]
pub struct Question {
    /// The person, by id.
    #[serde(default)]
    subject_id: Option<SubjectId>,
    /// The person, by an identifier; instead of the id.
    #[serde(default)]
    identifier: Option<Identifier>,
    /// The purpose.
    purpose: PurposeCode,
    /// The channel.
    #[serde(default)]
    channel: Option<Channel>,
    /// The categories. Without it: all the purpose needs.
    #[serde(default)]
    categories: Option<Vec<Category>>,
    /// For which API key. Without it: for the officer's own.
    #[serde(default)]
    api_key_id: Option<ApiKeyId>,
}

/// How it would be decided now.
#[derive(Serialize, ToSchema)]
#[schema(as = DecisionExplanation)]
pub struct Explanation {
    /// The decision, category by category.
    decision: Decision,
    /// Every reason of the decision in plain words.
    reasons: BTreeMap<&'static str, Text>,
}

/// Explains how a read would be decided, without disclosing.
///
/// Nothing is opened; that it was explained stands in the audit log.
#[utoipa::path(
    tag = "consents",
    request_body(content = Question, example = json!({
        "identifier": {"kind": "email", "value": "erika@muster.org"}, "purpose": "newsletter_email", "channel": "email",
    })),
    responses((status = 200, description = "The decision.", body = Explanation))
)]
#[post("/v1/decisions")]
pub async fn explain(
    house: Data<House>,
    call: May<op::ExplainDecision, Body<Question>>,
) -> Result<HttpResponse, Problem> {
    let Body(Question { subject_id, identifier, purpose, channel, categories, api_key_id }) = call.sent;
    let who = whom(subject_id, identifier.as_ref(), &house)?;
    let caller = match api_key_id {
        Some(id) => holder(&house, id).await?,
        None => call.caller.clone(),
    };
    let categories = categories.map(|list| list.into_iter().collect());
    let ask = Ask { caller, purpose, categories, channel, reason: None };
    let decision = house.gateway.explain(&call.caller, &ask, who).await?;
    let reasons = decision.refused.iter().chain(&decision.withheld).map(|refused| refused.reason);
    let reasons = reasons.map(|reason| (reason.word(), reason.text())).collect();
    Ok(HttpResponse::Ok().json(Explanation { decision, reasons }))
}

async fn holder(house: &House, id: ApiKeyId) -> Result<Caller, Problem> {
    let holder = house.doorkeeper.holder(id).await?;
    holder.ok_or_else(|| Problem::new(Code::InvalidValue, "There is no API key with this id.").at("/api_key_id"))
}

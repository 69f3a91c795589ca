//! `POST /v1/profiles/lookup`. A POST, so that the identifier stands in no address and no access log.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DisclosureSchema, Wanted, answer};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{Body, House, Identifier};
use crate::gateway::ReasonCode;
use crate::types::{Category, Channel, PurposeCode};

/// Whom to look up, and for what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileLookup)]
pub struct Lookup {
    /// Something known of the person.
    identifier: Identifier,
    /// The purpose; it must be in the key's scope.
    purpose: PurposeCode,
    /// The channel the person is to be addressed by; needed where the purpose has several.
    #[serde(default)]
    channel: Option<Channel>,
    /// The categories wanted. Without it: all the purpose needs.
    #[serde(default)]
    categories: Option<Vec<Category>>,
    /// A code for the audit log: what the reading is for.
    #[serde(default)]
    reason: Option<ReasonCode>,
    /// Shall the reply say of each value which record it is of, and why it survived?
    #[serde(default)]
    origins: bool,
}

/// Reads a person found by an identifier.
///
/// The reply holds the categories that the purpose and the person's standing allow, and the decision. If there are none,
/// or there is no such person, it is 404 `not_found`, always the same.
#[utoipa::path(
    tag = "profiles",
    request_body(content = Lookup, example = json!({
        "identifier": {"kind": "email", "value": "erika@muster.org"}, "purpose": "newsletter_email", "channel": "email",
        "categories": ["identity", "contact"],
    })),
    responses(
        (status = 200, description = "What may be read.", body = DisclosureSchema),
        (status = 404, description = "There is nobody, or nothing may be read: always the same."),
    )
)]
#[post("/v1/profiles/lookup")]
pub async fn lookup(house: Data<House>, call: May<op::LookupProfile, Body<Lookup>>) -> Result<HttpResponse, Problem> {
    let Body(Lookup { identifier, purpose, channel, categories, reason, origins }) = call.sent;
    let who = identifier.who(&house)?;
    answer(&house, call.caller, who, Wanted { purpose, channel, categories, reason, origins }).await
}

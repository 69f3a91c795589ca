//! `GET /v1/profiles/{subject_id}`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{DisclosureSchema, Wanted, answer};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::Problem;
use crate::api::{House, Query};
use crate::gateway::ReasonCode;
use crate::store::rows::Who;
use crate::types::{Category, Channel, PurposeCode, SubjectId};

/// For what.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct For {
    /// The purpose; it must be in the key's scope.
    #[param(example = "newsletter_email")]
    purpose: PurposeCode,
    /// The channel the person is to be addressed by; needed where the purpose has several.
    #[serde(default)]
    #[param(nullable = false)]
    channel: Option<Channel>,
    /// The categories wanted, separated by commas. Without it: all the purpose needs.
    #[serde(default)]
    #[param(nullable = false, style = Form, explode = false)]
    categories: Option<Vec<Category>>,
    /// A code for the audit log: what the reading is for.
    #[serde(default)]
    #[param(nullable = false)]
    reason: Option<ReasonCode>,
    /// Shall the reply say of each value which record it is of, and why it survived?
    #[serde(default)]
    origins: bool,
}

/// Named, because utoipa reads a `Path` inside a tuple wrongly.
type Sent = (Path<SubjectId>, Query<For>);

/// Reads a person by id.
///
/// As `POST /v1/profiles/lookup`, for an id that an earlier reply gave.
#[utoipa::path(
    tag = "profiles",
    params(("subject_id" = SubjectId, Path, description = "The person.", example = "0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e"), For),
    responses(
        (status = 200, description = "What may be read.", body = DisclosureSchema),
        (status = 404, description = "There is nobody, or nothing may be read: always the same."),
    )
)]
#[get("/v1/profiles/{subject_id}")]
pub async fn read(house: Data<House>, call: May<op::ReadProfile, Sent>) -> Result<HttpResponse, Problem> {
    let (subject, Query(For { purpose, channel, categories, reason, origins })) = call.sent;
    let who = Who::Subject(subject.into_inner());
    answer(&house, call.caller, who, Wanted { purpose, channel, categories, reason, origins }).await
}

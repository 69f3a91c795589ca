//! `POST /v1/profiles/batch`: many people in one call, as whoever fulfils orders or fills a mailing needs them.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DisclosureSchema, Wanted};
use crate::api::caller::May;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::whom::whom;
use crate::api::{Body, House, Identifier};
use crate::gateway::{Answer, Disclosure, ReasonCode};
use crate::store::rows::Who;
use crate::types::{Category, Channel, PurposeCode, SubjectId};

/// People in one call, at most.
const MANY: usize = 500;

/// Whom to read, and for what. It is the same for all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The people, 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    people: Vec<Person>,
    /// The purpose; it must be in the key's scope.
    purpose: PurposeCode,
    /// The channel they are to be addressed by; needed where the purpose has several.
    #[serde(default)]
    channel: Option<Channel>,
    /// The categories wanted. Without it: all the purpose needs.
    #[serde(default)]
    categories: Option<Vec<Category>>,
    /// A code for the audit log: what the reading is for.
    #[serde(default)]
    reason: Option<ReasonCode>,
}

/// One of them: either by id or by something known of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person, by id.
    #[serde(default)]
    subject_id: Option<SubjectId>,
    /// The person, by an identifier; instead of the id.
    #[serde(default)]
    identifier: Option<Identifier>,
}

/// What may be read.
#[derive(Serialize)]
struct Found {
    profiles: Vec<Option<Box<Disclosure>>>,
}

/// As it stands in the OpenAPI document.
#[derive(ToSchema)]
#[schema(as = Disclosures)]
#[expect(dead_code, reason = "it stands in the OpenAPI document")]
pub struct FoundSchema {
    /// One entry for each of `people`, in their order; null where there is nothing to read or nobody, always the same.
    profiles: Vec<Option<DisclosureSchema>>,
}

/// Reads many people.
///
/// As `POST /v1/profiles/lookup` for each of them, with one line in the audit log that names everybody whose data left.
#[utoipa::path(
    tag = "profiles",
    request_body = Batch,
    responses((status = 200, description = "What may be read of each.", body = FoundSchema))
)]
#[post("/v1/profiles/batch")]
pub async fn batch(house: Data<House>, call: May<op::ReadProfiles, Body<Batch>>) -> Result<HttpResponse, Problem> {
    let Body(Batch { people, purpose, channel, categories, reason }) = call.sent;
    if !(1..=MANY).contains(&people.len()) {
        return Err(Problem::new(Code::InvalidValue, format!("Name 1 to {MANY} people.")).at("/people"));
    }
    let who: Vec<Who> = people
        .iter()
        .enumerate()
        .map(|(at, person)| {
            let whom = whom(person.subject_id, person.identifier.as_ref(), &house);
            whom.map_err(|problem| problem.under(&format!("/people/{at}")))
        })
        .collect::<Result<_, _>>()?;
    let ask = Wanted { purpose, channel, categories, reason }.ask(call.caller);
    let answers = house.gateway.read_each(&ask, who).await?;
    let profiles = answers
        .into_iter()
        .map(|answer| match answer {
            Answer::Disclosed(disclosure) => Some(disclosure),
            Answer::Nothing => None,
        })
        .collect();
    Ok(HttpResponse::Ok().json(Found { profiles }))
}

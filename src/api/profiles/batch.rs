//! `POST /v1/profiles/batch`: many people in one call, as whoever fulfils orders or fills a mailing needs them.

use std::collections::HashMap;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DisclosureSchema, Wanted};
use crate::api::caller::May;
use crate::api::level::Start;
use crate::api::permissions::op;
use crate::api::problem::{Code, Problem};
use crate::api::whom::whom;
use crate::api::{Body, House, Identifier};
use crate::gateway::{Disclosure, ReasonCode};
use crate::store::rows::Who;
use crate::types::{Category, Channel, PurposeCode, SubjectId};

/// People in one call, at most.
const MANY: usize = 500;

/// Whom to read, and for what. It is the same for all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileBatch)]
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
    /// Shall the reply say of each value which record it is of, and why it survived?
    #[serde(default)]
    origins: bool,
}

/// One of them: either by id or by something known of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileBatchPerson)]
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
struct Found<P> {
    profiles: Vec<Option<P>>,
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
/// As `POST /v1/profiles/lookup` for each of them, with one entry in the audit log for each set of categories that left, naming those whose data it was.
#[utoipa::path(
    tag = "profiles",
    request_body(content = Batch, example = json!({
        "people": [
            {"identifier": {"kind": "email", "value": "erika@muster.org"}},
            {"subject_id": "018f3f3c-7a00-7000-8000-000000000001"},
        ],
        "purpose": "newsletter_email", "channel": "email", "categories": ["contact"], "reason": "mailing",
    })),
    responses((status = 200, description = "What may be read of each.", body = FoundSchema))
)]
#[post("/v1/profiles/batch")]
pub async fn batch(house: Data<House>, call: May<op::ReadProfiles, Body<Batch>>) -> Result<HttpResponse, Problem> {
    let Body(Batch { people, purpose, channel, categories, reason, origins }) = call.sent;
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
    let ask = Wanted { purpose, channel, categories, reason, origins }.ask(call.caller);
    let start = Start::now();
    // Who is named several times is looked up once: nobody can ask so often for one that the time tells.
    let mut distinct: Vec<Who> = Vec::new();
    let mut places: HashMap<Who, usize> = HashMap::new();
    let place = |one: Who| {
        *places.entry(one).or_insert_with_key(|one| {
            distinct.push(one.clone());
            distinct.len() - 1
        })
    };
    let order: Vec<usize> = who.into_iter().map(place).collect();
    let answers = house.gateway.read_each(&ask, distinct).await?;
    let profiles: Vec<Option<&Disclosure>> = order.into_iter().map(|at| answers.get(at)?.disclosed()).collect();
    if profiles.iter().any(Option::is_none) {
        start.beat(&*house.entropy).await.map_err(Problem::internal)?;
    }
    if origins {
        let profiles = profiles.into_iter().map(|found| found.map(Disclosure::with_origins)).collect();
        return Ok(HttpResponse::Ok().json(Found { profiles }));
    }
    Ok(HttpResponse::Ok().json(Found { profiles }))
}

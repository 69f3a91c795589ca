//! `/v1/profiles`: one person, for one purpose. An unknown person, a refused read and a purpose that is not configured
//! get the same answer; why stands in the audit book.

pub mod batch;
pub mod lookup;
pub mod read;

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use utoipa::ToSchema;

use super::causes;
use super::level::Start;
use super::problem::Problem;
use crate::consent::SurvivedBy;
use crate::gateway::{Answer, Ask, Caller, Decision, ReasonCode};
use crate::store::rows::Who;
use crate::types::{Category, Channel, PurposeCode, RecordKind, SubjectId};

use super::House;

/// A disclosure as it is sent. Only the gateway can make one; this stands in the OpenAPI document for it.
#[derive(ToSchema)]
#[schema(as = Disclosure)]
#[expect(dead_code, reason = "it stands in the OpenAPI document")]
pub struct DisclosureSchema {
    /// The person. An id that was merged into another is answered with the other.
    subject_id: SubjectId,
    /// What was decided for each category, and on what ground.
    decision: Decision,
    /// The allowed categories: `identity`, `contact`, `address` and so on, each an object.
    #[schema(value_type = Object)]
    data: BTreeMap<Category, String>,
    /// The version of the rules of survivorship that chose among records which differ; 0: the hub's own. With `origins`.
    #[schema(example = 3)]
    survivorship_version: Option<u32>,
    /// Of each value, which record it is of and why it survived. With `origins`.
    origins: Option<Vec<OriginSchema>>,
}

/// Which record a value of a profile is of, and why it survived.
#[derive(ToSchema)]
#[schema(as = Origin)]
#[expect(dead_code, reason = "it stands in the OpenAPI document")]
pub struct OriginSchema {
    /// Category and name of the attribute.
    #[schema(example = "identity.family_name")]
    attribute: String,
    /// Its place in the list, from 0; null if it is a single value.
    entry: Option<usize>,
    /// The number of the record it is of.
    #[schema(example = "221398710000640")]
    record: String,
    /// The type of that record.
    r#type: RecordKind,
    /// The code of its source.
    #[schema(example = "webshop")]
    source: String,
    /// When the source last changed it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: String,
    /// Why a single value stands and not another, or an entry before the next.
    because: SurvivedBy,
}

/// What is asked, beside whom it is about.
struct Wanted {
    purpose: PurposeCode,
    channel: Option<Channel>,
    categories: Option<Vec<Category>>,
    reason: Option<ReasonCode>,
    origins: bool,
}

impl Wanted {
    fn ask(self, caller: Caller) -> Ask {
        let Self { purpose, channel, categories, reason, .. } = self;
        Ask { caller, purpose, categories: categories.map(|list| list.into_iter().collect()), channel, reason }
    }
}

/// One consented read, answered.
async fn answer(house: &House, caller: Caller, who: Who, wanted: Wanted) -> Result<HttpResponse, Problem> {
    let (start, origins) = (Start::now(), wanted.origins);
    match house.gateway.read(&wanted.ask(caller), who, None).await? {
        Answer::Disclosed(disclosure) if origins => Ok(HttpResponse::Ok().json(disclosure.with_origins())),
        Answer::Disclosed(disclosure) => Ok(HttpResponse::Ok().json(&*disclosure)),
        Answer::Nothing => {
            start.beat(&*house.entropy).await.map_err(Problem::internal)?;
            Err(causes::nobody())
        }
    }
}

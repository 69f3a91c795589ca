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
use crate::gateway::{Answer, Ask, Caller, Decision, ReasonCode};
use crate::store::rows::Who;
use crate::types::{Category, Channel, PurposeCode, SubjectId};

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
}

/// What is asked, beside whom it is about.
struct Wanted {
    purpose: PurposeCode,
    channel: Option<Channel>,
    categories: Option<Vec<Category>>,
    reason: Option<ReasonCode>,
}

impl Wanted {
    fn ask(self, caller: Caller) -> Ask {
        let Self { purpose, channel, categories, reason } = self;
        Ask { caller, purpose, categories: categories.map(|list| list.into_iter().collect()), channel, reason }
    }
}

/// One consented read, answered.
async fn answer(house: &House, caller: Caller, who: Who, wanted: Wanted) -> Result<HttpResponse, Problem> {
    let start = Start::now();
    match house.gateway.read(&wanted.ask(caller), who, None).await? {
        Answer::Disclosed(disclosure) => Ok(HttpResponse::Ok().json(&*disclosure)),
        Answer::Nothing => {
            start.beat().await;
            Err(causes::nobody())
        }
    }
}

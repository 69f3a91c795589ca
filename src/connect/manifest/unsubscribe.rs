//! How the vendor is told that a person withdrew.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::erase::{By, ForEachSpec, Leaves, StepSpec, WaySpec};
use super::request::RequestSpec;
use crate::types::PurposeCode;

/// How the vendor is told that a person withdrew a consent or objects, so that it stops as well.
///
/// It happens within seconds, for whoever said it anywhere else than at this vendor. The vendor's own change that comes back with the
/// next sync is no new statement.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct UnsubscribeSpec {
    /// For the officer: what this does at the vendor, and what goes on there all the same.
    pub(in crate::connect) note: String,
    /// The purposes it is about; a stream reads consents for each.
    #[schemars(with = "Vec<String>")]
    pub(in crate::connect) purposes: Vec<PurposeCode>,
    /// In their order.
    pub(in crate::connect) steps: Vec<UnsubscribeStepSpec>,
}

/// One kind of object at the vendor: look for what is still subscribed, end it, look again.
///
/// Requests may use `{email}`, `{phone}`, `{customer_number}` and `{account}`, as far as the source told them of the person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct UnsubscribeStepSpec {
    /// What it is, for the report.
    pub(in crate::connect) name: String,
    /// Which of the purposes it ends; without it each of them. In the `withdraw` of an audience there is nothing to choose from.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(in crate::connect) purposes: Vec<PurposeCode>,
    /// What it is looked up by.
    pub(in crate::connect) by: By,
    /// What the lookup is made for one after the other, such as every list.
    #[serde(default)]
    pub(in crate::connect) for_each: Vec<ForEachSpec>,
    /// The call that finds it.
    pub(in crate::connect) lookup: RequestSpec,
    /// jq filter over the reply that yields what was found, one by one.
    pub(in crate::connect) objects: String,
    /// jq predicate over `{found, who, parameters}`: is it really the person's, and still subscribed? What is not any more afterwards
    /// was ended.
    #[serde(rename = "match")]
    pub(in crate::connect) matches: String,
    /// jq filter over the reply of the lookup that yields the address of its next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
    /// Further ways to find it, for whom the vendor knows by other values.
    #[serde(default)]
    pub(in crate::connect) also: Vec<WaySpec>,
    /// Values for the acts: jq filters over what was found.
    #[serde(default = "id_of")]
    pub(in crate::connect) values: BTreeMap<String, String>,
    /// jq predicate over the reply of each act: did the vendor do it? For vendors that refuse with a good status, as GraphQL does.
    #[serde(default)]
    pub(in crate::connect) expect: Option<String>,
    /// Calls for each, in their order.
    pub(in crate::connect) act: Vec<RequestSpec>,
}

impl UnsubscribeStepSpec {
    /// The same as a step of an erasure.
    pub(in crate::connect) fn step(self) -> StepSpec {
        let step = self;
        StepSpec {
            name: step.name,
            leaves: Leaves::Overwritten,
            after: Vec::new(),
            by: step.by,
            for_each: step.for_each,
            lookup: Some(step.lookup),
            objects: step.objects,
            matches: step.matches,
            next_url: step.next_url,
            older_than: None,
            also: step.also,
            values: step.values,
            later: false,
            promised_days: None,
            expect: step.expect,
            act: step.act,
            job: None,
        }
    }
}

fn id_of() -> BTreeMap<String, String> {
    BTreeMap::from([("id".to_owned(), ".id".to_owned())])
}

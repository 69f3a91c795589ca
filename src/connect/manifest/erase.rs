//! How the vendor is made to forget a person.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audience::JobSpec;
use super::request::RequestSpec;

/// How the vendor is made to forget a person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct EraseSpec {
    /// For the officer: what this does at the vendor, what stays there and why.
    pub(in crate::connect) note: String,
    /// In their order. Without steps the note says what a human must do, or why nothing can be done.
    #[serde(default)]
    pub(in crate::connect) steps: Vec<StepSpec>,
    /// What is left to be said where there are no steps.
    #[serde(default)]
    pub(in crate::connect) without_steps: Option<Leaves>,
}

/// One kind of object at the vendor: look it up, do away with it, look again.
///
/// Requests may use `{email}`, `{phone}`, `{customer_number}`, `{account}`, `{email_sha256}` and `{phone_sha256}`, as far as they are
/// known of the person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct StepSpec {
    /// What it is, for the report.
    pub(in crate::connect) name: String,
    /// What becomes of it.
    pub(in crate::connect) leaves: Leaves,
    /// Steps before it that must not have failed, because it does away with what they find something by: otherwise it waits until the
    /// vendor is asked again.
    #[serde(default)]
    pub(in crate::connect) after: Vec<String>,
    /// What it is looked up by; without that value of the person it is not looked for, and left to somebody.
    pub(in crate::connect) by: By,
    /// What the lookup is made for one after the other, such as every list, or the accounts found by the mail address; the second of
    /// them for each of the first, and so on.
    #[serde(default)]
    pub(in crate::connect) for_each: Vec<ForEachSpec>,
    /// The call that finds it. Without one the acts are done unseen, for vendors that show nobody; that needs `later: true`.
    #[serde(default)]
    pub(in crate::connect) lookup: Option<RequestSpec>,
    /// jq filter over the reply that yields what was found, one by one.
    #[serde(default = "nothing")]
    pub(in crate::connect) objects: String,
    /// jq predicate over `{found, who, parameters}`: is it really the person's? Vendors search loosely; `who` holds the values in lower
    /// case.
    #[serde(rename = "match", default = "nobody")]
    pub(in crate::connect) matches: String,
    /// jq filter over the reply of the lookup that yields the address of its next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
    /// Only what is older is done away with. What is younger stays, and is reported as `restricted`, with the day from which on it is not
    /// kept any more. Where the vendor has no call that does away with it, leave `act` out and write `leaves: manual_task`: from that day
    /// on it is left to somebody.
    #[serde(default)]
    pub(in crate::connect) older_than: Option<AgeSpec>,
    /// Further ways to find it, for whom the vendor knows by other values. Each that can be gone is gone.
    #[serde(default)]
    pub(in crate::connect) also: Vec<WaySpec>,
    /// Values for the acts: jq filters over what was found.
    #[serde(default = "id_of")]
    pub(in crate::connect) values: BTreeMap<String, String>,
    /// Does the vendor only take the wish and carry it out later? Then it is not looked for again, and reported as `asked`, with what
    /// `leaves` says as what the vendor promises.
    #[serde(default)]
    pub(in crate::connect) later: bool,
    /// With `later`: days within which the vendor says it is done, at the latest; for the report and the certificate.
    #[serde(default)]
    pub(in crate::connect) promised_days: Option<u16>,
    /// jq predicate over the reply of each act: did the vendor do it, or take the wish in? Needed with `later`, where nobody looks
    /// again, and wherever a vendor refuses with a good status, as GraphQL does.
    #[serde(default)]
    pub(in crate::connect) expect: Option<String>,
    /// Calls for each, in their order. Without any, what is found is reported as `leaves` says.
    #[serde(default)]
    pub(in crate::connect) act: Vec<RequestSpec>,
    /// Where the vendor answers the last act with a job: how to wait for its end, before it is looked again. One that does not end in
    /// some minutes is asked about as a failure is, later.
    #[serde(default)]
    pub(in crate::connect) job: Option<JobSpec>,
}

/// Something a lookup is made for.
///
/// It is asked for once: what the acts do to it meanwhile hides nothing of what is looked for again afterwards.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ForEachSpec {
    /// The call that finds them. It may use the values of those before.
    pub(in crate::connect) lookup: RequestSpec,
    /// jq filter over the reply that yields them one by one.
    pub(in crate::connect) objects: String,
    /// jq predicate over `{found, who, parameters}`: is it really the person's? Needed where the lookup names the person.
    #[serde(rename = "match", default)]
    pub(in crate::connect) matches: Option<String>,
    /// jq filter over the reply that yields the address of its next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
    /// Values for what comes after, acts too: jq filters over what was found.
    pub(in crate::connect) values: BTreeMap<String, String>,
}

/// How old something must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct AgeSpec {
    /// So many days …
    pub(in crate::connect) days: u32,
    /// … since the instant this jq filter over what was found yields. What names none is kept.
    pub(in crate::connect) since: String,
    /// Does the lookup show all there is in one reply? Needed where no `next_url` says how it goes on: what is too young stays, and could
    /// hide for ever what stands behind it.
    #[serde(default)]
    pub(in crate::connect) whole: bool,
}

/// A further way to find what a step is about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct WaySpec {
    /// What it is looked up by.
    pub(in crate::connect) by: By,
    /// What the lookup is made for one after the other, as in the step.
    #[serde(default)]
    pub(in crate::connect) for_each: Vec<ForEachSpec>,
    /// The call that finds it.
    pub(in crate::connect) lookup: RequestSpec,
    /// jq filter over the reply that yields what was found, one by one.
    pub(in crate::connect) objects: String,
    /// jq predicate over `{found, who, parameters}`, as in the step.
    #[serde(rename = "match")]
    pub(in crate::connect) matches: String,
    /// jq filter over the reply that yields the address of its next page.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
}

/// What a person is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum By {
    /// A mail address.
    Email,
    /// A phone number.
    Phone,
    /// The customer number at this source.
    CustomerNumber,
    /// The account's id at this source.
    Account,
    /// The digest of a mail address that a network was given.
    EmailSha256,
    /// The digest of a phone number that a network was given.
    PhoneSha256,
}

impl By {
    /// As placeholders name it.
    pub(in crate::connect) const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::CustomerNumber => "customer_number",
            Self::Account => "account",
            Self::EmailSha256 => "email_sha256",
            Self::PhoneSha256 => "phone_sha256",
        }
    }
}

/// What becomes of something at a vendor, honestly named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// It is gone.
    Deleted,
    /// It stays and names nobody.
    Anonymised,
    /// It stays with other values in the place of the person's.
    Overwritten,
    /// The vendor took the demand in and promises to carry it out; nobody has seen that it did. `later` says so of a step.
    Asked,
    /// It stays because a law keeps it.
    Restricted,
    /// Somebody must do it by hand.
    ManualTask,
    /// It cannot be done.
    Impossible,
}

impl Leaves {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Anonymised => "anonymised",
            Self::Overwritten => "overwritten",
            Self::Asked => "asked",
            Self::Restricted => "restricted",
            Self::ManualTask => "manual_task",
            Self::Impossible => "impossible",
        }
    }
}

fn nothing() -> String {
    "empty".to_owned()
}

fn nobody() -> String {
    "false".to_owned()
}

fn id_of() -> BTreeMap<String, String> {
    BTreeMap::from([("id".to_owned(), ".id".to_owned())])
}

//! How people of a segment are handed to the vendor, and taken off again.

use schemars::JsonSchema;
use serde::Deserialize;

use super::erase::StepSpec;
use super::request::RequestSpec;
use super::unsubscribe::UnsubscribeStepSpec;

/// How people of a segment are handed to the vendor, and taken off again.
///
/// A segment by e-mail tells people by their mail address; one for social networks by digests of mail address and phone number
/// (SHA-256 in hexadecimal over the lower-case address, and over the number in E.164 without its plus).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct AudienceSpec {
    /// For the merchant and the officer: what this makes of people at the vendor, and what is left when they are taken off.
    pub(in crate::connect) note: String,
    /// By what people are told.
    #[serde(default)]
    pub(in crate::connect) by: Means,
    /// How many people one call may hold.
    #[serde(default = "one")]
    pub(in crate::connect) batch: u16,
    /// The call that adds people, or brings what is known of them up to date; it may be made again when its answer is lost. The body
    /// sees `.members`, each with `email` (or `email_sha256` and `phone_sha256`) and the fields of the segment by category, and
    /// `.now` in seconds since 1970; with `batch: 1` placeholders may name `{email}` too.
    pub(in crate::connect) add: RequestSpec,
    /// jq filter over the reply that yields the mail addresses the vendor did not take.
    #[serde(default)]
    pub(in crate::connect) refused: Option<String>,
    /// Where the vendor answers with a job: how to wait for its end.
    #[serde(default)]
    pub(in crate::connect) job: Option<JobSpec>,
    /// For how many minutes after a call that added people the vendor may still be at it, where its answer does not say that it
    /// is done. Until they are over nobody counts as taken off for not being found.
    #[serde(default)]
    pub(in crate::connect) settles_minutes: u16,
    /// Who unsubscribed at the vendor itself, list by list. They are not handed over; of whom the hub handed over it is a withdrawal.
    #[serde(default)]
    pub(in crate::connect) unsubscribed: Vec<UnsubscribedSpec>,
    /// A look at the people of a batch just before they are added, where adding them would subscribe anew who unsubscribed at
    /// the vendor.
    #[serde(default)]
    pub(in crate::connect) check: Option<CheckSpec>,
    /// What the vendor still has of somebody who was taken off.
    pub(in crate::connect) leaves: Remains,
    /// What takes one person off; as in `erase`, each looks again afterwards. What people are told by is all that is known.
    pub(in crate::connect) remove: Vec<StepSpec>,
    /// What tells the vendor that somebody said no, before they are taken off, so that its other lists and mails end too: taken where
    /// the person withdrew or objects, and not where a rule put them out of the segment or they are restricted. As in `unsubscribe`,
    /// `match` holds for what is not stopped yet. What is done so stays: who says yes again is not added until the merchant lifts it.
    #[serde(default)]
    pub(in crate::connect) withdraw: Vec<UnsubscribeStepSpec>,
}

/// What a vendor still has of somebody who was taken off. Of whom it has anything, the hub keeps by what they were told, so that
/// their erasure reaches the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum Remains {
    /// Nothing.
    Nothing,
    /// The contact, off the list.
    Contact,
    /// The contact, put away.
    Archive,
}

/// By what people are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum Means {
    /// Their mail address; the segment's channel is e-mail.
    #[default]
    Email,
    /// Digests of mail address and phone number; the segment's channel is social.
    Digests,
}

/// A job of the vendor that carries out what it took in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct JobSpec {
    /// jq filter over the reply that names the job: yields its id.
    pub(in crate::connect) id: String,
    /// The call that tells how far it is; it uses `{job}`.
    pub(in crate::connect) request: RequestSpec,
    /// jq predicate over its reply: has the job ended well?
    pub(in crate::connect) done: String,
    /// jq predicate over its reply: has it failed?
    #[serde(default)]
    pub(in crate::connect) failed: Option<String>,
}

/// Who unsubscribed at the vendor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct UnsubscribedSpec {
    /// The call that yields one page. It may use `{limit}` and `{offset}` or `{page}`, which begins with 0.
    pub(in crate::connect) request: RequestSpec,
    /// Objects per page: `{limit}`.
    pub(in crate::connect) size: u32,
    /// jq filter over the reply that yields everything on the page; the first page without anything is the end.
    pub(in crate::connect) objects: String,
    /// jq filter over `{found, parameters}`, the first one of the objects: yields `{email, at}` of somebody who unsubscribed, and
    /// nothing otherwise. `at` is when, in seconds since 1970 or RFC 3339; it is left out where the vendor does not say it exactly.
    /// With `held: true` it is somebody to whom the vendor sends nothing although they did not say no themselves: a mailbox that
    /// bounces, or whom the merchant blocked. They are not handed over, and it is no withdrawal.
    pub(in crate::connect) people: String,
    /// jq filter over the reply that yields the address of the next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
}

/// A look at the people of a batch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct CheckSpec {
    /// The call; it sees what `add` sees, and placeholders may name `{emails}`: the addresses of the batch as `"a","b"`.
    pub(in crate::connect) request: RequestSpec,
    /// jq filter over `{reply, parameters}` that yields `{email, at, held}` of everybody who must not be added, as in `unsubscribed`.
    pub(in crate::connect) people: String,
}

const fn one() -> u16 {
    1
}

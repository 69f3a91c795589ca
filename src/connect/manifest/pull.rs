//! How a stream is read: its request, its pages, what is new.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::report::ReportSpec;
use super::request::RequestSpec;
use crate::types::RecordKind;

/// How a stream is read from the vendor.
///
/// Its requests may use `{page}`, `{offset}`, `{limit}`, `{token}`, `{since}` and `{until}`. Exactly one of `request` and `report` is named.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct PullSpec {
    /// What the call is made for one after the other, such as the forms of a page; without it it is made once.
    #[serde(default)]
    pub(in crate::connect) each: Option<EachSpec>,
    /// The call that yields one page.
    #[serde(default)]
    pub(in crate::connect) request: Option<RequestSpec>,
    /// A file the vendor makes when it is asked to, in the place of `request` and `paging`.
    #[serde(default)]
    pub(in crate::connect) report: Option<ReportSpec>,
    /// How the pages follow each other; without it there is one.
    #[serde(default)]
    pub(in crate::connect) paging: Option<PagingSpec>,
    /// How only what changed is asked for; without it everything is read each time.
    #[serde(default)]
    pub(in crate::connect) incremental: Option<IncrementalSpec>,
    /// The type of record of which a reading from the beginning lists every one there is at the vendor. What was read before and
    /// is listed by two of them in a row no more was deleted there: its data ends here as by the source's own clock. Only for a
    /// type no other stream makes.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(in crate::connect) lists: Option<RecordKind>,
    /// A list of the ids of all there is, by which what is gone is found without everything being read again.
    #[serde(default)]
    pub(in crate::connect) ids: Option<IdsSpec>,
    /// Further calls for each object, in their order.
    #[serde(default)]
    pub(in crate::connect) enrich: Vec<EnrichSpec>,
}

/// A list of the ids of all there is.
///
/// What was read before and is on two such lists in a row no more was deleted there: its data ends here as by the source's own clock.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct IdsSpec {
    /// The type of record they are the ids of. Only for a type no other stream makes.
    #[schemars(with = "String")]
    pub(in crate::connect) of: RecordKind,
    /// The call that yields one page.
    pub(in crate::connect) request: RequestSpec,
    /// How the pages follow each other; without it there is one.
    #[serde(default)]
    pub(in crate::connect) paging: Option<PagingSpec>,
    /// jq filter over the reply that yields the ids one by one, as the records' `external_id` has them.
    pub(in crate::connect) ids: String,
    /// Days from one listing to the next.
    #[serde(default = "every_day")]
    pub(in crate::connect) every_days: u16,
}

/// What the pages of a stream are read for, one after the other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct EachSpec {
    /// The placeholders they fill.
    pub(in crate::connect) names: Vec<String>,
    /// jq filter that yields one object of these names for each: over the reply of `request`, or without one over the parameters
    /// of the connection. What it yields stands in each page as `asked`, for the filters that read it. Of one that was not there the
    /// last time everything is read, not only what changed; so nothing belongs in it that changes.
    pub(in crate::connect) items: String,
    /// The call that lists them.
    #[serde(default)]
    pub(in crate::connect) request: Option<RequestSpec>,
    /// jq filter over its reply that yields the address of its next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
    /// How the vendor says that one of them does not exist any more; it is passed over, and counted.
    #[serde(default)]
    pub(in crate::connect) gone: Vec<ExpiredSpec>,
}

/// How pages follow each other. Exactly one of `page`, `offset`, `token`, `token_header`, `next_url` and `link_header` is named.
///
/// Pages with numbers or offsets must be sorted by something that never changes, such as the id or the time of making:
/// sorted by the time of change, an object that changes during the reading pushes another one out of sight.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct PagingSpec {
    /// Objects per page: `{limit}`.
    pub(in crate::connect) size: u32,
    /// Numbered pages: `{page}`, from 0 or 1.
    #[serde(default)]
    pub(in crate::connect) page: Option<FirstPage>,
    /// Objects to leave out: `{offset}`, from 0.
    #[serde(default)]
    pub(in crate::connect) offset: bool,
    /// jq filter over the reply that yields the token of the next page, `{token}`; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) token: Option<String>,
    /// The header that holds the token of the next page, `{token}`; without it, or empty, at the end.
    #[serde(default)]
    pub(in crate::connect) token_header: Option<String>,
    /// With a token, are only those parameters of the query sent that name `{token}` or `{limit}`? For vendors that let the token stand for
    /// the others.
    #[serde(default)]
    pub(in crate::connect) token_alone: bool,
    /// jq filter over the reply that yields the address of the next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
    /// The address of the next page stands in the header `Link` with `rel="next"` (RFC 8288).
    #[serde(default)]
    pub(in crate::connect) link_header: bool,
    /// jq filter over the reply that yields how many objects there are in all. Reading ends there; and if the number gets
    /// smaller meanwhile, one page is read again, because the others moved up.
    #[serde(default)]
    pub(in crate::connect) total: Option<String>,
    /// The header that says how many objects there are in all, for vendors that write it there.
    #[serde(default)]
    pub(in crate::connect) total_header: Option<String>,
    /// jq predicate over the reply: does another page follow? Without it and without a total, an empty page is the end.
    #[serde(default)]
    pub(in crate::connect) more: Option<String>,
    /// How the vendor says that a token or page is not valid any more; then the reading begins anew. It does so once in any case
    /// if a reading that was cut short goes on and its page is refused (400 to 499, but not for credentials, rights or haste).
    #[serde(default)]
    pub(in crate::connect) expired: Option<ExpiredSpec>,
}

/// Where numbered pages begin.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct FirstPage {
    /// 0 or 1.
    pub(in crate::connect) first: u8,
}

/// How a refusal is recognised.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ExpiredSpec {
    /// The status of the reply.
    pub(in crate::connect) status: u16,
    /// jq predicate over the reply.
    #[serde(default)]
    pub(in crate::connect) body: Option<String>,
}

/// How only what changed is asked for.
///
/// `{since}` is the moment the last complete reading began, by the vendor's own clock (the header `Date`), less the
/// overlap; where the request names `{until}`, never later than that, so that there is no gap. It has no value at the first reading, unless `start_days` says how far back that goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct IncrementalSpec {
    /// How `{since}` and `{until}` are written.
    #[serde(default)]
    pub(in crate::connect) format: InstantFormat,
    /// Seconds read twice, for changes the vendor shows late.
    #[serde(default = "overlap_seconds")]
    pub(in crate::connect) overlap_seconds: u32,
    /// Seconds before now at which `{until}` lies, for vendors that do not show the newest.
    #[serde(default)]
    pub(in crate::connect) lag_seconds: u32,
    /// Days the first reading goes back, for vendors that demand a beginning.
    #[serde(default)]
    pub(in crate::connect) start_days: Option<u32>,
    /// The most days between `{since}` and `{until}`, for vendors that answer no longer stretch: one follows the other until now.
    #[serde(default)]
    pub(in crate::connect) window_days: Option<u16>,
    /// Compared here, for vendors that cannot: jq filter over an object that yields when it changed. Everything is read, and
    /// what did not change since is left out. An object without a time is always taken.
    #[serde(default)]
    pub(in crate::connect) compare: Option<String>,
    /// jq filter over a reply that yields the next `{since}`, for vendors that say it. The first reply counts.
    #[serde(default)]
    pub(in crate::connect) next: Option<String>,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum InstantFormat {
    /// `2026-03-07T13:40:01Z`
    #[default]
    Rfc3339,
    /// `2026-03-07T13:40:01.000+00:00`
    Millis,
    /// `2026-03-07T13:40:01`, in UTC
    Naive,
    /// `2026-03-07`, in UTC
    Date,
    /// `1772890801`
    Unix,
    /// `1772890801123`
    UnixMillis,
    /// `Sat, 07 Mar 2026 13:40:01 GMT`, as a header such as `If-Modified-Since` wants it; the answer 304 then means that nothing changed
    HttpDate,
    /// `/Date(1772890801123)/`
    MsDate,
}

/// A further call for each object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct EnrichSpec {
    /// The name under which the reply is put into the object; `.` puts it in the object's place.
    #[serde(rename = "as")]
    pub(in crate::connect) name: String,
    /// Values for the call: jq filters over the object, by placeholder. The call is left out where one yields null.
    pub(in crate::connect) values: BTreeMap<String, String>,
    /// The call.
    pub(in crate::connect) request: RequestSpec,
    /// jq filter over the reply: what of it is put into the object.
    #[serde(default = "whole")]
    pub(in crate::connect) take: String,
}

const fn every_day() -> u16 {
    1
}

const fn overlap_seconds() -> u32 {
    120
}

fn whole() -> String {
    ".".to_owned()
}

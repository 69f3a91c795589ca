//! Reports: what a vendor hands out as a file that it makes when it is asked to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::request::RequestSpec;

/// A report: the vendor is asked to make it, it is looked again and again whether it is ready, and then the file is fetched.
///
/// The file is read row by row, a page of them at a time; one that is packed by gzip is unpacked on the way. What is under way is
/// kept: a hub that ends meanwhile looks for the same report again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ReportSpec {
    /// The call that has it made. It may use `{since}` and `{until}`, and what `each` names.
    pub(in crate::connect) create: RequestSpec,
    /// jq filter over its reply that yields the id: `{report}`.
    pub(in crate::connect) id: String,
    /// The call that tells how far it is.
    pub(in crate::connect) poll: RequestSpec,
    /// jq predicate over the reply of `poll`: is it ready?
    pub(in crate::connect) done: String,
    /// jq predicate over it: is it ready, and there is nothing to be fetched?
    #[serde(default)]
    pub(in crate::connect) empty: Option<String>,
    /// jq predicate over it: has it failed? Then the next sync has another one made.
    #[serde(default)]
    pub(in crate::connect) failed: Option<String>,
    /// Seconds from one look to the next.
    #[serde(default = "every_seconds")]
    pub(in crate::connect) every_seconds: u16,
    /// The most looks. A report that is not ready by then counts as failed.
    #[serde(default = "looks")]
    pub(in crate::connect) looks: u16,
    /// Values for `document`: jq filters over the reply of `poll`.
    #[serde(default)]
    pub(in crate::connect) values: BTreeMap<String, String>,
    /// A further call that tells where the file is.
    #[serde(default)]
    pub(in crate::connect) document: Option<RequestSpec>,
    /// jq filter over the reply of `document`, or of `poll` without one: yields the address of the file. Its host must be among the hosts.
    pub(in crate::connect) url: String,
    /// Is the file fetched as every call is, with credentials? Without it the address alone is the key, as where it is signed.
    #[serde(default)]
    pub(in crate::connect) authenticated: bool,
    /// How the file is written.
    pub(in crate::connect) format: FileForm,
    /// What stands between two columns of a `csv`: a comma where nothing is said.
    #[serde(default)]
    pub(in crate::connect) delimiter: Option<char>,
    /// How the file writes its characters.
    #[serde(default)]
    pub(in crate::connect) encoding: FileEncoding,
    /// Rows on a page: the stream's filters see `{rows: […]}`, each an object of texts by the names of the first line, or what stands on
    /// a line of `json_lines`.
    #[serde(default = "size")]
    pub(in crate::connect) size: u32,
    /// Largest file in MiB, unpacked. One that is larger ends the reading of the stream, with what stood in it before.
    #[serde(default = "max_file_mib")]
    pub(in crate::connect) max_file_mib: u32,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum FileForm {
    /// Columns with a line of names above them; a text in quotation marks may hold whatever it wants.
    Csv,
    /// The same, divided by tabulators and without quotation marks.
    Tsv,
    /// A JSON value on each line.
    JsonLines,
}

/// How a file writes its characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::connect) enum FileEncoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252, of which Latin-1 is a part.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

const fn every_seconds() -> u16 {
    30
}

const fn looks() -> u16 {
    240
}

const fn size() -> u32 {
    500
}

const fn max_file_mib() -> u32 {
    4_096
}

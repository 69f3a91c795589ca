//! [`Identifier`]: whom a call is about, by something the caller knows of them.

use serde::Deserialize;
use utoipa::ToSchema;

use super::house::House;
use super::problem::{Code, Problem};
use crate::intake::{Named, lookup_form};
use crate::store::rows::Who;
use crate::types::{IdentifierKind, SourceNo, SubjectId};
use crate::vault::source_scoped;

/// An identifier of a person. It is brought into its normal form and compared through a keyed index; the hub keeps no
/// clear copy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// What it is.
    kind: IdentifierKind,
    /// The value, in any usual spelling.
    #[schema(example = "max@example.org")]
    value: String,
    /// The code of the source it is unique at: needed for customer numbers, accounts, anonymous ids and relay
    /// addresses.
    #[serde(default)]
    #[schema(example = "webshop")]
    source: Option<String>,
}

impl Identifier {
    /// The question the store can answer.
    ///
    /// # Errors
    /// `invalid_value` or `missing_field` below `/identifier`. It says nothing about any person.
    pub fn who(&self, house: &House) -> Result<Who, Problem> {
        let (kind, value) = lookup_form(self.kind, &self.value)
            .map_err(|reason| Problem::new(Code::InvalidValue, reason.text).at("/identifier/value"))?;
        let source = match &self.source {
            Some(code) => {
                Some(house.rulebook.edition().source_named(code).map(|source| source.number).ok_or_else(|| {
                    Problem::new(Code::InvalidValue, "No source with this code is configured.").at("/identifier/source")
                })?)
            }
            None if source_scoped(kind) => {
                return Err(Problem::new(Code::MissingField, "This kind of identifier is unique at one source only.")
                    .at("/identifier/source"));
            }
            None => None,
        };
        Ok(house.gateway.who_has(kind, source.unwrap_or(SourceNo(0)), &value)?)
    }

    /// As intake wants it, for a statement of somebody nobody may know yet. Check it by [`Identifier::who`] before.
    pub(super) fn named(&self) -> Named<'_> {
        Named { kind: self.kind, source: self.source.as_deref(), value: &self.value }
    }
}

/// The person of a body that names either `subject_id` or `identifier`.
///
/// # Errors
/// If it names both or neither, or as [`Identifier::who`].
pub fn whom(subject: Option<SubjectId>, identifier: Option<&Identifier>, house: &House) -> Result<Who, Problem> {
    match (subject, identifier) {
        (Some(subject), None) => Ok(Who::Subject(subject)),
        (None, Some(identifier)) => identifier.who(house),
        (None, None) => Err(Problem::new(Code::MissingField, "Give subject_id or identifier.").at("/subject_id")),
        (Some(_), Some(_)) => {
            Err(Problem::new(Code::InvalidValue, "Give subject_id or identifier, not both.").at("/identifier"))
        }
    }
}

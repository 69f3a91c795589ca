//! Who a record is about, by name. Category identity.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{At, Category, Draft, Rejection};
use crate::intake::normal::{date, placeholder};
use crate::intake::wire::field::{Day, Language, Name, Short};

/// The person block, the same in every record type that has one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    /// Form of address. Category identity. Example: `Frau`.
    salutation: Option<Short>,
    /// Academic or noble title. Category identity. Example: `Dr.`.
    title: Option<Short>,
    /// Given names. Category identity. Example: `Jörg`.
    given_name: Option<Name>,
    /// Family name. Category identity. Example: `Weiß`.
    family_name: Option<Name>,
    /// The whole name, where the source does not split it. Category identity. Example: `Jörg Weiß`.
    full_name: Option<Name>,
    /// The firm the person stands for. Category identity. Example: `Weiß & Söhne GmbH`.
    company: Option<Name>,
    /// Date of birth. Category identity; of it only whether somebody is of age enters a decision.
    /// Example: `1980-05-01`.
    birth_date: Option<Day>,
    /// The language the person is written to in. Category identity. Example: `de-DE`.
    language: Option<Language>,
}

impl Person {
    /// Puts the block into the identity document and notes the full name.
    pub(super) fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        let birth_date = self.birth_date.map(|day| date::birth(day.0, draft.now)).transpose().at("birth_date")?;
        let said = |name: &&Name| !placeholder::is_nothing(&name.0);
        let (given, family) = (self.given_name.as_ref().filter(said), self.family_name.as_ref().filter(said));
        draft.full_name = match (given, family, self.full_name.as_ref().filter(said)) {
            (Some(given), Some(family), _) => Some(format!("{} {}", given.0, family.0)),
            (_, _, Some(full)) => Some(full.0.clone()),
            _ => None,
        };
        let identity = Category::Identity;
        draft.put(identity, "salutation", self.salutation);
        draft.put(identity, "title", self.title);
        draft.put(identity, "given_name", self.given_name);
        draft.put(identity, "family_name", self.family_name);
        draft.put(identity, "full_name", self.full_name);
        draft.put(identity, "company", self.company);
        draft.put(identity, "birth_date", birth_date.map(Day));
        draft.put(identity, "language", self.language);
        Ok(())
    }
}

/// Draws the person of a record, if it names one.
pub(super) fn draw(person: Option<Person>, draft: &mut Draft) -> Result<(), Rejection> {
    person.map_or(Ok(()), |person| person.draw(draft)).at("person")
}

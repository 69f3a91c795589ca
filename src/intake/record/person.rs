//! Who a record is about, by name. Category identity.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Category, Draft};
use crate::intake::normal::{date, placeholder};
use crate::intake::wire::field::{Day, Language, Name, Short, Tried};

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
    /// Date of birth; one that cannot be is left out. Category identity; of it only whether somebody is of age enters a
    /// decision. Example: `1980-05-01`.
    #[schema(value_type = Option<Day>)]
    birth_date: Option<Tried<Day>>,
    /// The language the person is written to in; one that is none is left out. Category identity. Example: `de-DE`.
    #[schema(value_type = Option<Language>)]
    language: Option<Tried<Language>>,
}

impl Person {
    /// Puts the block into the identity document and notes the full name.
    pub(super) fn draw(self, draft: &mut Draft) {
        let at = |field: &str| format!("/data/person/{field}");
        let birth_date = self.birth_date.map(|day| day.0.and_then(|day| date::birth(day.0, draft.now)));
        let birth_date = draft.tried(birth_date, || at("birth_date"));
        let language = draft.tried(self.language.map(|language| language.0), || at("language"));
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
        draft.put(identity, "language", language);
    }
}

/// Draws the person of a record, if it names one.
pub(super) fn draw(person: Option<Person>, draft: &mut Draft) {
    if let Some(person) = person {
        person.draw(draft);
    }
}

//! A note about a contact with the person. Category service.

use serde::Deserialize;
use utoipa::ToSchema;

use super::draft::Doc;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Name, Short, Text};

/// A note about a contact with the person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactNote {
    /// When. Category service. Example: `2026-03-16T14:20:00Z`.
    noted_at: Instant,
    /// How they were in contact, in the words of the source. Category service. Example: `phone`.
    channel: Option<Short>,
    /// What was noted. Category service. Example: `Rückruf am Montag vereinbart.`.
    text: Text,
    /// Who noted it. Category service. Example: `Kundendienst`.
    author: Option<Name>,
    /// Who the person is. Category identity.
    person: Option<Person>,
}

impl Record for ContactNote {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
        let noted_at = draft.event("noted_at", self.noted_at)?;
        draft.occurred_at = Some(noted_at.0);
        let note = Doc::default()
            .with("noted_at", noted_at)
            .with("channel", self.channel)
            .with("text", self.text)
            .with("author", self.author);
        draft.put(Category::Service, "contact_note", note);
        Ok(())
    }
}

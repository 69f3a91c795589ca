//! A note about a contact with the person. Category service.

use serde::Deserialize;

use super::draft::Doc;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Name, Short, Text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactNote {
    noted_at: Instant,
    channel: Option<Short>,
    text: Text,
    author: Option<Name>,
    person: Option<Person>,
}

impl Record for ContactNote {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft)?;
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

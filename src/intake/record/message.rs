//! A message in a conversation: category social where it came over a platform, else service.

use serde::Deserialize;

use super::draft::Doc;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Name, Short, Text, choice};

choice! {
    /// Who wrote.
    Direction {
        /// The person.
        Inbound = "inbound",
        /// The merchant.
        Outbound = "outbound",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    thread: Short,
    sent_at: Instant,
    direction: Direction,
    platform: Option<Short>,
    text: Option<Text>,
    sender_name: Option<Name>,
    person: Option<Person>,
}

impl Record for Message {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft)?;
        let sent_at = draft.event("sent_at", self.sent_at)?;
        draft.occurred_at = Some(sent_at.0);
        draft.social |= self.platform.is_some();
        let category = if self.platform.is_some() { Category::Social } else { Category::Service };
        let message = Doc::default()
            .with("thread", self.thread)
            .with("sent_at", sent_at)
            .with("direction", self.direction)
            .with("platform", self.platform)
            .with("text", self.text)
            .with("sender_name", self.sender_name);
        draft.push(category, "messages", message);
        Ok(())
    }
}

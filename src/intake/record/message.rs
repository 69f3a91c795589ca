//! A message in a conversation: category social where it came over a platform, else service.

use serde::Deserialize;
use utoipa::ToSchema;

use super::draft::Doc;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Name, Short, Text, choice};

choice! {
    /// Who wrote.
    MessageDirection {
        /// The person.
        Inbound = "inbound",
        /// The merchant.
        Outbound = "outbound",
    }
}

/// A message of a conversation. Category social where it came over a platform, else service.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// The conversation's id at the source. Category social or service. Example: `t_1029384756`.
    thread: Short,
    /// When it was sent. Category social or service. Example: `2026-03-07T13:40:01Z`.
    sent_at: Instant,
    /// From the person or to them. Category social or service. Example: `inbound`.
    direction: MessageDirection,
    /// The social network it came over. With it the message is of category social. Example: `instagram`.
    platform: Option<Short>,
    /// What it says. Category social or service. Example: `Wann kommt mein Paket?`.
    text: Option<Text>,
    /// The name the sender shows. Category social or service. Example: `joerg.w`.
    sender_name: Option<Name>,
    /// Who the person is, if the source knows. Category identity.
    person: Option<Person>,
}

impl Record for Message {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
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

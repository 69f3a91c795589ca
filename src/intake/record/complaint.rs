//! A complaint or return. Category service; one about an order is a business letter.

use serde::Deserialize;

use super::draft::{Doc, KeepUntil, Statute};
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Line, Short, Text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Complaint {
    opened_at: Instant,
    status: Option<Short>,
    subject: Option<Line<512>>,
    text: Option<Text>,
    order_number: Option<Short>,
    resolution: Option<Text>,
    person: Option<Person>,
}

impl Record for Complaint {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft)?;
        let opened_at = draft.event("opened_at", self.opened_at)?;
        draft.occurred_at = Some(opened_at.0);
        if self.order_number.is_some() {
            draft.keep_until = Some(KeepUntil::of(Statute::BusinessLetter, opened_at.0));
        }
        let complaint = Doc::default()
            .with("opened_at", opened_at)
            .with("status", self.status)
            .with("subject", self.subject)
            .with("text", self.text)
            .with("order_number", self.order_number)
            .with("resolution", self.resolution);
        draft.put(Category::Service, "complaint", complaint);
        Ok(())
    }
}

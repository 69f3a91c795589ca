//! A complaint or return. Category service; one about an order is a business letter.

use serde::Deserialize;
use utoipa::ToSchema;

use super::draft::{Doc, KeepUntil, Statute};
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Line512, Short, Text};

/// A complaint or return.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Complaint {
    /// When it was made. Category service. Example: `2026-03-15T11:00:00Z`.
    opened_at: Instant,
    /// Where it stands, in the words of the source. Category service. Example: `open`.
    status: Option<Short>,
    /// What it is about. Category service. Example: `Falsche Größe`.
    subject: Option<Line512>,
    /// What the person says. Category service. Example: `Ich hatte M bestellt.`.
    text: Option<Text>,
    /// The order it is about; the law then keeps it as a business letter. Category service. Example: `SW-10023`.
    order_number: Option<Short>,
    /// What was done. Category service. Example: `Umtausch veranlasst.`.
    resolution: Option<Text>,
    /// Who complains. Category identity.
    person: Option<Person>,
}

impl Record for Complaint {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
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

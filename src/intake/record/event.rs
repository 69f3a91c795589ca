//! A tracked event. Category engagement.

use serde::Deserialize;

use super::draft::Doc;
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Long, Scalars, Short};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    name: Short,
    occurred_at: Instant,
    page_url: Option<Long>,
    referrer: Option<Long>,
    campaign: Option<Short>,
    properties: Option<Scalars>,
}

impl Record for Event {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        let occurred_at = draft.event("occurred_at", self.occurred_at)?;
        draft.occurred_at = Some(occurred_at.0);
        let event = Doc::default()
            .with("name", self.name)
            .with("occurred_at", occurred_at)
            .with("page_url", self.page_url)
            .with("referrer", self.referrer)
            .with("campaign", self.campaign)
            .with("properties", self.properties);
        draft.put(Category::Engagement, "event", event);
        Ok(())
    }
}

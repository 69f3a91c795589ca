//! A tracked event. Category engagement.

use serde::Deserialize;
use utoipa::ToSchema;

use super::draft::Doc;
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Long, Scalars, Short};

/// A tracked event, such as a visit or click.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// What happened, in the words of the source. Category engagement. Example: `product_viewed`.
    name: Short,
    /// When. Category engagement. Example: `2026-03-07T13:40:01Z`.
    occurred_at: Instant,
    /// The page. Category engagement. Example: `https://shop.example/p/ts-red`.
    page_url: Option<Long>,
    /// Where the visit came from. Category engagement. Example: `https://www.example.org/`.
    referrer: Option<Long>,
    /// The campaign it came from. Category engagement. Example: `spring_2026`.
    campaign: Option<Short>,
    /// Whatever else the source tells: at most 64 single values. Category engagement.
    /// Example: `{"position": 3, "list": "search"}`.
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

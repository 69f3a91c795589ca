//! A newsletter subscription, as the newsletter tool tells it. Category engagement.
//!
//! It is a fact, not a consent: only an entry in `consents` with its proof becomes one (Art. 7(1) GDPR).

use serde::Deserialize;
use utoipa::ToSchema;

use super::address::{self, Address};
use super::draft::Doc;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Short, choice};

choice! {
    /// Where a subscription stands.
    SubscriptionStatus {
        /// Asked for, not confirmed.
        Pending = "pending",
        /// On the list; the tool does not say whether it was confirmed.
        Subscribed = "subscribed",
        /// Confirmed by double opt-in.
        Confirmed = "confirmed",
        /// Left.
        Unsubscribed = "unsubscribed",
    }
}

/// A newsletter subscription, as the newsletter tool tells it. It is a fact and no consent: that is an entry of `consents`
/// with its proof.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewsletterSubscription {
    /// The newsletter's name at the source. Category engagement. Example: `monthly`.
    list: Short,
    /// Where the subscription stands. Category engagement. Example: `confirmed`.
    status: SubscriptionStatus,
    /// When it was asked for. Category engagement. Example: `2026-01-10T09:05:00Z`.
    subscribed_at: Option<Instant>,
    /// When it was confirmed. Category engagement. Example: `2026-01-10T09:06:00Z`.
    confirmed_at: Option<Instant>,
    /// When it ended. Category engagement. Example: `2026-08-01T07:00:00Z`.
    unsubscribed_at: Option<Instant>,
    /// Who subscribed. Category identity.
    person: Option<Person>,
    /// Their addresses, at most 20. Category address.
    #[serde(default)]
    addresses: Vec<Address>,
}

impl Record for NewsletterSubscription {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
        address::draw(self.addresses, draft)?;
        let subscribed_at = draft.maybe_event("subscribed_at", self.subscribed_at)?;
        let confirmed_at = draft.maybe_event("confirmed_at", self.confirmed_at)?;
        let unsubscribed_at = draft.maybe_event("unsubscribed_at", self.unsubscribed_at)?;
        // The latest step is what the record tells.
        draft.occurred_at =
            [&subscribed_at, &confirmed_at, &unsubscribed_at].into_iter().flatten().map(|at| at.0).max();
        let newsletter = Doc::default()
            .with("list", self.list)
            .with("status", self.status)
            .with("subscribed_at", subscribed_at)
            .with("confirmed_at", confirmed_at)
            .with("unsubscribed_at", unsubscribed_at);
        draft.put(Category::Engagement, "newsletter", newsletter);
        Ok(())
    }
}

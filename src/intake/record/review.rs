//! A review: the rating is engagement, the words are service.

use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::draft::Doc;
use super::person::{self, Person};
use super::{At, Category, Draft, Record, Rejection};
use crate::intake::normal::Reason;
use crate::intake::wire::field::{Amount, Instant, Line512, Short, Text};

/// A review: product, order and stars are of category engagement, the words of service.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Review {
    /// When it was written. Category engagement and service. Example: `2026-03-20T18:00:00Z`.
    reviewed_at: Instant,
    /// What was reviewed. Category engagement. Example: `T-Shirt rot, M`.
    product: Option<Line512>,
    /// The order it is about. Category engagement. Example: `SW-10023`.
    order_number: Option<Short>,
    /// Stars, whole, 1 to 5. Category engagement. Example: `5`.
    rating: Option<Amount>,
    /// Its headline. Category service. Example: `Sitzt gut`.
    title: Option<Line512>,
    /// What it says. Category service. Example: `Gerne wieder.`.
    text: Option<Text>,
    /// Where it stands, in the words of the source. Category engagement. Example: `published`.
    status: Option<Short>,
    /// Who wrote it. Category identity.
    person: Option<Person>,
}

impl Record for Review {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
        let reviewed_at = draft.event("reviewed_at", self.reviewed_at)?;
        draft.occurred_at = Some(reviewed_at.0);
        let rating = self.rating.map(|rating| stars(rating.0)).transpose().at("rating")?;
        let told = self.title.is_some() || self.text.is_some();
        let at = reviewed_at.0;
        let review = Doc::default()
            .with("reviewed_at", reviewed_at)
            .with("product", self.product)
            .with("order_number", self.order_number)
            .with("rating", rating)
            .with("status", self.status);
        draft.put(Category::Engagement, "review", review);
        if told {
            let words =
                Doc::default().with("reviewed_at", Instant(at)).with("title", self.title).with("text", self.text);
            draft.put(Category::Service, "review", words);
        }
        Ok(())
    }
}

/// One to five, whole.
fn stars(rating: Decimal) -> Result<u8, Reason> {
    let stars = u8::try_from(rating).ok().filter(|stars| (1..=5).contains(stars));
    stars.filter(|stars| Decimal::from(*stars) == rating).ok_or(Reason::INVALID_VALUE)
}

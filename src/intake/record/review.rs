//! A review: the rating is engagement, the words are service.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::draft::Doc;
use super::person::{self, Person};
use super::{At, Category, Draft, Record, Rejection};
use crate::intake::normal::Reason;
use crate::intake::wire::field::{Amount, Instant, Line, Short, Text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Review {
    reviewed_at: Instant,
    product: Option<Line<512>>,
    rating: Option<Amount>,
    title: Option<Line<512>>,
    text: Option<Text>,
    status: Option<Short>,
    person: Option<Person>,
}

impl Record for Review {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft)?;
        let reviewed_at = draft.event("reviewed_at", self.reviewed_at)?;
        draft.occurred_at = Some(reviewed_at.0);
        let rating = self.rating.map(|rating| stars(rating.0)).transpose().at("rating")?;
        let told = self.title.is_some() || self.text.is_some();
        let at = reviewed_at.0;
        let review = Doc::default()
            .with("reviewed_at", reviewed_at)
            .with("product", self.product)
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

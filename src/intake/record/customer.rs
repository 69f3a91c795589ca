//! A customer account or contact.

use serde::Deserialize;

use super::address::{self, Address};
use super::draft::at_most;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Line, Short, Text};

/// Tags one customer may have.
const MAX_TAGS: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Customer {
    person: Option<Person>,
    #[serde(default)]
    addresses: Vec<Address>,
    customer_number: Option<Short>,
    group: Option<Short>,
    #[serde(default)]
    tags: Vec<Line<64>>,
    registered_at: Option<Instant>,
    guest: Option<bool>,
    note: Option<Text>,
}

impl Record for Customer {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        at_most(MAX_TAGS, "tags", &self.tags)?;
        person::draw(self.person, draft)?;
        address::draw(self.addresses, draft)?;
        let registered_at = draft.maybe_event("registered_at", self.registered_at)?;
        draft.occurred_at = registered_at.as_ref().map(|at| at.0);
        draft.customer_numbers.extend(self.customer_number.map(|number| number.0));
        draft.put(Category::Identity, "group", self.group);
        for tag in self.tags {
            draft.push(Category::Identity, "tags", tag);
        }
        draft.put(Category::Identity, "registered_at", registered_at);
        draft.put(Category::Identity, "guest", self.guest);
        draft.put(Category::Service, "note", self.note);
        Ok(())
    }
}

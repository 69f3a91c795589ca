//! A customer account or contact.

use serde::Deserialize;
use utoipa::ToSchema;

use super::address::{self, Address};
use super::draft::at_most;
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::wire::field::{Instant, Line64, Short, Text};

/// Tags one customer may have.
const MAX_TAGS: usize = 64;

/// A customer account or contact.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Customer {
    /// Who it is. Category identity.
    person: Option<Person>,
    /// Their addresses, at most 20. Category address.
    #[serde(default)]
    addresses: Vec<Address>,
    /// Their number at this source; also an identifier. Category identity. Example: `10023`.
    customer_number: Option<Short>,
    /// The customer group at the source. Category identity. Example: `Stammkunden`.
    group: Option<Short>,
    /// Labels the merchant gave, at most 64. Category identity.
    #[schema(example = json!(["trade_fair"]))]
    #[serde(default)]
    tags: Vec<Line64>,
    /// When the account was made. Category identity. Example: `2024-05-02T08:15:00Z`.
    registered_at: Option<Instant>,
    /// Did they buy without an account? Category identity.
    #[schema(example = false)]
    guest: Option<bool>,
    /// A note of the merchant about the customer. Category service. Example: `Bitte klingeln.`.
    note: Option<Text>,
}

impl Record for Customer {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        at_most(MAX_TAGS, "tags", &self.tags)?;
        person::draw(self.person, draft);
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

//! The canonical records: one file per type, each saying which fields it has and in which category each is kept.
//!
//! A record type is a struct that is read field by field and then *drawn* into a [`Draft`]: one JSON object per
//! [`Category`], all values in normal form, names sorted, absent fields left out. The structs hold personal values
//! and so cannot be printed or serialised; the draft's objects are sealed as they are.
//!
//! # The documents, by category
//!
//! The gateway shows these objects to whoever may see the category. Amounts are decimal strings, instants RFC 3339 in
//! UTC, dates `YYYY-MM-DD`, countries ISO 3166-1 alpha-2, currencies ISO 4217.
//!
//! | category | fields |
//! |---|---|
//! | identity | `salutation`, `title`, `given_name`, `family_name`, `full_name`, `company`, `birth_date`, `language`; of a customer `group`, `tags` (list), `registered_at`, `guest`; `customer_numbers` (list), `accounts` (list, unless the source is social) |
//! | contact | `emails`: list of `{value, verified, mailbox: personal\|role\|relay\|placeholder}`; `phones`: list of `{value, verified}` |
//! | address | `addresses`: list of `{use, name, company, street, house_number, extra, postal_code, city, region, country}` |
//! | commerce | `order`: `{number, ordered_at, status, delivered_at, channel, currency, total, net, shipping_cost, lines, payment_method, campaign}` |
//! | financial | `invoice`: `{number, issued_at, kind, status, currency, total, net, tax, lines, order_number, due_at}`; `payment`: `{paid_at, currency, amount, method, status, iban, account_holder, order_number, reference}` |
//! | social | `messages`: list of one `{thread, sent_at, direction, platform, text, sender_name}`; `accounts` (list) |
//! | engagement | `newsletter`: `{list, status, subscribed_at, confirmed_at, unsubscribed_at}`; `event`: `{name, occurred_at, page_url, referrer, campaign, properties}`; `review`: `{reviewed_at, product, rating, status}`; `anonymous_ids` (list) |
//! | service | `messages` as above, without a platform; `review`: `{reviewed_at, title, text}`; `complaint`: `{opened_at, status, subject, text, order_number, resolution}`; `contact_note`: `{noted_at, channel, text, author}`; `note` |
//!
//! `lines` is a list of `{sku, title, quantity, unit_price, total}`.

mod address;
mod complaint;
mod contact_note;
mod customer;
mod draft;
mod event;
mod invoice;
mod lines;
mod message;
mod newsletter_subscription;
mod order;
mod payment;
mod person;
mod review;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use draft::{Draft, KeepUntil, Statute};

use super::rejection::{At, Rejection};
use super::wire;
use crate::types::{Category, RecordKind};

/// A record type.
trait Record: DeserializeOwned {
    /// Puts every field into its category.
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection>;
}

/// Reads the `data` of a record of `kind` into `draft`.
///
/// # Errors
/// The first field that does not fit, its pointer starting at `/data`.
pub fn draw(kind: RecordKind, data: Map<String, Value>, draft: &mut Draft) -> Result<(), Rejection> {
    match kind {
        RecordKind::Customer => draw_as::<customer::Customer>(data, draft),
        RecordKind::Order => draw_as::<order::Order>(data, draft),
        RecordKind::Invoice => draw_as::<invoice::Invoice>(data, draft),
        RecordKind::Payment => draw_as::<payment::Payment>(data, draft),
        RecordKind::Message => draw_as::<message::Message>(data, draft),
        RecordKind::Review => draw_as::<review::Review>(data, draft),
        RecordKind::NewsletterSubscription => draw_as::<newsletter_subscription::NewsletterSubscription>(data, draft),
        RecordKind::Event => draw_as::<event::Event>(data, draft),
        RecordKind::Complaint => draw_as::<complaint::Complaint>(data, draft),
        RecordKind::ContactNote => draw_as::<contact_note::ContactNote>(data, draft),
    }
    .at("data")
}

fn draw_as<R: Record>(data: Map<String, Value>, draft: &mut Draft) -> Result<(), Rejection> {
    wire::decode::<R>(data)?.draw(draft)
}

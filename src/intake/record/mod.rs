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
//! | engagement | `newsletter`: `{list, status, subscribed_at, confirmed_at, unsubscribed_at}`; `event`: `{name, occurred_at, page_url, referrer, campaign, properties}`; `review`: `{reviewed_at, product, order_number, rating, status}`; `anonymous_ids` (list) |
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
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

pub use draft::{Draft, KeepUntil, Statute};

use super::rejection::{At, Rejection};
use super::wire;
use crate::types::{Category, RecordKind};

/// A record type.
trait Record: DeserializeOwned + ToSchema {
    /// Puts every field into its category.
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection>;
}

/// Runs `$verb::<T>` with the struct of `$kind`.
macro_rules! with_type {
    ($kind:expr, $verb:ident($($argument:expr),*)) => {
        match $kind {
            RecordKind::Customer => $verb::<customer::Customer>($($argument),*),
            RecordKind::Order => $verb::<order::Order>($($argument),*),
            RecordKind::Invoice => $verb::<invoice::Invoice>($($argument),*),
            RecordKind::Payment => $verb::<payment::Payment>($($argument),*),
            RecordKind::Message => $verb::<message::Message>($($argument),*),
            RecordKind::Review => $verb::<review::Review>($($argument),*),
            RecordKind::NewsletterSubscription => {
                $verb::<newsletter_subscription::NewsletterSubscription>($($argument),*)
            }
            RecordKind::Event => $verb::<event::Event>($($argument),*),
            RecordKind::Complaint => $verb::<complaint::Complaint>($($argument),*),
            RecordKind::ContactNote => $verb::<contact_note::ContactNote>($($argument),*),
        }
    };
}

/// Reads the `data` of a record of `kind` into `draft`.
///
/// # Errors
/// The first field that does not fit, its pointer starting at `/data`.
pub fn draw(kind: RecordKind, data: Map<String, Value>, draft: &mut Draft) -> Result<(), Rejection> {
    with_type!(kind, draw_as(data, draft)).at("data")
}

/// The name of the data of `kind` in the OpenAPI document.
#[must_use]
pub fn schema_name(kind: RecordKind) -> String {
    with_type!(kind, name_of())
}

/// Adds the data of `kind`, and all it consists of, to the OpenAPI document.
pub fn schemas(kind: RecordKind, schemas: &mut Vec<(String, RefOr<Schema>)>) {
    with_type!(kind, describe(schemas));
}

fn draw_as<R: Record>(data: Map<String, Value>, draft: &mut Draft) -> Result<(), Rejection> {
    wire::decode::<R>(data)?.draw(draft)
}

fn name_of<R: Record>() -> String {
    R::name().into_owned()
}

fn describe<R: Record>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((name_of::<R>(), R::schema()));
    R::schemas(schemas);
}

//! The fields a rule may ask about and a segment may deliver, with the category and the kind of each.
//!
//! It repeats the document shapes of `crate::intake::record` on purpose: a name that is not here is refused when a
//! segment is saved, instead of being silently absent from every person.

use super::path::FieldPath;
use crate::types::Category;

/// What kind of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, compared without regard to upper and lower case.
    Text,
    /// A BCP 47 tag: `de` means `de-DE` and `de-AT` too.
    Language,
    /// A decimal.
    Number,
    /// A calendar date.
    Date,
    /// An instant.
    Instant,
    /// Yes or no.
    Flag,
    /// A value the hub computed; its kind shows itself.
    Any,
}

const FIELDS: &[(Category, &str, Kind)] = &[
    (Category::Identity, "salutation", Kind::Text),
    (Category::Identity, "title", Kind::Text),
    (Category::Identity, "given_name", Kind::Text),
    (Category::Identity, "family_name", Kind::Text),
    (Category::Identity, "full_name", Kind::Text),
    (Category::Identity, "company", Kind::Text),
    (Category::Identity, "birth_date", Kind::Date),
    (Category::Identity, "language", Kind::Language),
    (Category::Identity, "group", Kind::Text),
    (Category::Identity, "tags", Kind::Text),
    (Category::Identity, "registered_at", Kind::Instant),
    (Category::Identity, "guest", Kind::Flag),
    (Category::Identity, "customer_numbers", Kind::Text),
    (Category::Identity, "accounts", Kind::Text),
    (Category::Contact, "emails.value", Kind::Text),
    (Category::Contact, "emails.verified", Kind::Flag),
    (Category::Contact, "emails.mailbox", Kind::Text),
    (Category::Contact, "phones.value", Kind::Text),
    (Category::Contact, "phones.verified", Kind::Flag),
    (Category::Address, "addresses.use", Kind::Text),
    (Category::Address, "addresses.name", Kind::Text),
    (Category::Address, "addresses.company", Kind::Text),
    (Category::Address, "addresses.street", Kind::Text),
    (Category::Address, "addresses.house_number", Kind::Text),
    (Category::Address, "addresses.extra", Kind::Text),
    (Category::Address, "addresses.postal_code", Kind::Text),
    (Category::Address, "addresses.city", Kind::Text),
    (Category::Address, "addresses.region", Kind::Text),
    (Category::Address, "addresses.country", Kind::Text),
    (Category::Commerce, "orders.number", Kind::Text),
    (Category::Commerce, "orders.ordered_at", Kind::Instant),
    (Category::Commerce, "orders.status", Kind::Text),
    (Category::Commerce, "orders.delivered_at", Kind::Instant),
    (Category::Commerce, "orders.channel", Kind::Text),
    (Category::Commerce, "orders.currency", Kind::Text),
    (Category::Commerce, "orders.total", Kind::Number),
    (Category::Commerce, "orders.payment_method", Kind::Text),
    (Category::Commerce, "orders.campaign", Kind::Text),
    (Category::Commerce, "orders.lines.sku", Kind::Text),
    (Category::Commerce, "orders.lines.title", Kind::Text),
    (Category::Commerce, "orders.lines.quantity", Kind::Number),
    (Category::Engagement, "newsletters.list", Kind::Text),
    (Category::Engagement, "newsletters.status", Kind::Text),
    (Category::Engagement, "newsletters.confirmed_at", Kind::Instant),
    (Category::Engagement, "reviews.reviewed_at", Kind::Instant),
    (Category::Engagement, "reviews.product", Kind::Text),
    (Category::Engagement, "reviews.rating", Kind::Number),
    (Category::Engagement, "events.name", Kind::Text),
    (Category::Engagement, "events.occurred_at", Kind::Instant),
    (Category::Engagement, "events.campaign", Kind::Text),
    (Category::Engagement, "anonymous_ids", Kind::Text),
    (Category::Social, "accounts", Kind::Text),
    (Category::Social, "messages.platform", Kind::Text),
    (Category::Service, "complaints.status", Kind::Text),
    (Category::Service, "complaints.opened_at", Kind::Instant),
    (Category::Service, "contact_notes.channel", Kind::Text),
    (Category::Service, "contact_notes.noted_at", Kind::Instant),
    (Category::Financial, "invoices.number", Kind::Text),
    (Category::Financial, "invoices.issued_at", Kind::Instant),
    (Category::Financial, "invoices.status", Kind::Text),
    (Category::Financial, "payments.method", Kind::Text),
    (Category::Financial, "payments.status", Kind::Text),
];

/// The kind of the value at `path`; None if it is not the name of a single value.
pub(super) fn kind(category: Category, path: &str) -> Option<Kind> {
    if is_open(category) {
        return Some(Kind::Any);
    }
    FIELDS.iter().find(|(of, name, _)| *of == category && *name == path).map(|(_, _, kind)| *kind)
}

/// Fields whose value points at one person. A rule may ask whether there is one, and for `age` and
/// `birthday`, but not for the value itself: a segment is about many, and its rule outlives the person.
const IDENTIFYING: &[(Category, &str)] = &[
    (Category::Identity, "given_name"),
    (Category::Identity, "family_name"),
    (Category::Identity, "full_name"),
    (Category::Identity, "company"),
    (Category::Identity, "birth_date"),
    (Category::Identity, "customer_numbers"),
    (Category::Identity, "accounts"),
    (Category::Contact, "emails.value"),
    (Category::Contact, "phones.value"),
    (Category::Address, "addresses.name"),
    (Category::Address, "addresses.company"),
    (Category::Address, "addresses.street"),
    (Category::Address, "addresses.house_number"),
    (Category::Address, "addresses.extra"),
    (Category::Address, "addresses.postal_code"),
    (Category::Commerce, "orders.number"),
    (Category::Engagement, "anonymous_ids"),
    (Category::Social, "accounts"),
    (Category::Financial, "invoices.number"),
];

/// Does a value of this field point at one person, so that a rule must not name it?
pub(super) fn identifies(category: Category, path: &str) -> bool {
    IDENTIFYING.contains(&(category, path))
}

/// Is there a field at `path`, or are there fields under it?
pub(super) fn knows(category: Category, path: &str) -> bool {
    let under = |name: &str| name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    is_open(category) || FIELDS.iter().any(|(of, name, _)| *of == category && under(name))
}

/// The single values at `path` or under it, in the order of this list.
pub(super) fn leaves(category: Category, path: &str) -> Vec<FieldPath> {
    let under = |name: &str| name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if is_open(category) {
        return vec![FieldPath::of(category, path)];
    }
    let found = FIELDS.iter().filter(|(of, name, _)| *of == category && under(name));
    found.map(|(_, name, _)| FieldPath::of(category, name)).collect()
}

/// Scores and special categories have no fixed list of fields.
const fn is_open(category: Category) -> bool {
    matches!(category, Category::Derived | Category::Special)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_whole_and_in_part() {
        assert_eq!(kind(Category::Identity, "language"), Some(Kind::Language));
        assert_eq!(kind(Category::Contact, "emails"), None);
        assert!(knows(Category::Contact, "emails"));
        assert!(knows(Category::Contact, "emails.value"));
        assert!(!knows(Category::Contact, "email"));
        assert!(!knows(Category::Identity, "emails"));
        assert_eq!(kind(Category::Derived, "value_score"), Some(Kind::Any));
    }

    #[test]
    fn every_identifying_field_is_a_field() {
        for (category, path) in IDENTIFYING {
            assert!(kind(*category, path).is_some(), "{path}");
        }
    }
}

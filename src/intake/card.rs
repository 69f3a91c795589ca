//! What of a record is compared with others: its documents, read into the fields of a [`Card`].
//!
//! [`Card`]: crate::graph::matching::Card

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::normal::{address, email, name, placeholder};
use crate::graph::matching::{AddressFields, Fields, MailboxClass};
use crate::types::Category;

/// Reads the documents of a record (see [`super::record`] for their form). The numbers are left out: whoever holds the
/// keys makes blind indexes of them.
pub(super) fn fields(documents: &BTreeMap<Category, Map<String, Value>>) -> Fields {
    let mut fields = Fields::default();
    if let Some(identity) = documents.get(&Category::Identity) {
        names(&mut fields, identity);
    }
    let addresses = entries(documents, Category::Address, "addresses");
    for document in addresses.iter().copied() {
        // Who receives is read only if the record names nobody: it may be the neighbour.
        if fields.given_name.is_none() && fields.family_name.is_none() && addresses.len() == 1 {
            full_name(&mut fields, text(document, "name"));
        }
        if fields.company.is_none() {
            fields.company = text(document, "company").and_then(name::folded_part);
        }
        fields.addresses.push(place(document));
    }
    for mailbox in entries(documents, Category::Contact, "emails") {
        if let Some(address) = text(mailbox, "value").and_then(|value| email::normal(value).ok())
            && !placeholder::is_email(&address)
        {
            let class = match address.mailbox() {
                email::Mailbox::Personal => MailboxClass::Personal,
                email::Mailbox::Role => MailboxClass::Role,
                email::Mailbox::Relay => MailboxClass::Relay,
            };
            fields.mailboxes.push((address.matching(), class));
        }
    }
    for phone in entries(documents, Category::Contact, "phones") {
        fields.phones.extend(text(phone, "value").map(str::to_owned));
    }
    handles(&mut fields, documents);
    fields
}

fn names(fields: &mut Fields, identity: &Map<String, Value>) {
    fields.given_name = text(identity, "given_name").and_then(name::folded_part);
    fields.family_name = text(identity, "family_name").and_then(name::folded_family);
    if fields.given_name.is_none() || fields.family_name.is_none() {
        full_name(fields, text(identity, "full_name"));
    }
    fields.salutation = text(identity, "salutation").map(name::fold);
    fields.company = text(identity, "company").and_then(name::folded_part);
    fields.birth_date = text(identity, "birth_date").and_then(day);
}

fn full_name(fields: &mut Fields, written: Option<&str>) {
    if let Some((given, family)) = written.map(name::folded_halves) {
        fields.given_name = given.or(fields.given_name.take());
        fields.family_name = family.or(fields.family_name.take());
    }
}

/// Year, month and day of `YYYY-MM-DD`, which is how the documents have it.
fn day(date: &str) -> Option<(i16, u8, u8)> {
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

fn place(document: &Map<String, Value>) -> AddressFields {
    let mut place = AddressFields::default();
    let (street, number) = text(document, "street").map(address::compared).unzip();
    place.street = street.as_deref().map(address::folded_street);
    let given = text(document, "house_number").map(|number| {
        // "12, 3. OG", "12 Hinterhaus"
        let (_, own) = address::compared(&format!("Straße {number}"));
        own.unwrap_or_else(|| address::house_number(number))
    });
    place.house_number = given.or(number.flatten());
    place.extra = text(document, "extra").map(name::fold);
    place.postal_code = text(document, "postal_code").map(str::to_owned);
    place.town = text(document, "city").and_then(name::folded_part);
    place.country = text(document, "country").map(str::to_owned);
    place
}

/// Accounts are names somebody chose at some sources and numbers at others; the card tells them apart.
fn handles(fields: &mut Fields, documents: &BTreeMap<Category, Map<String, Value>>) {
    for category in [Category::Social, Category::Identity] {
        let accounts = documents.get(&category).and_then(|document| document.get("accounts")?.as_array());
        fields.handles.extend(accounts.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    for message in entries(documents, Category::Social, "messages") {
        let Some(sender) = text(message, "sender_name") else { continue };
        // What the merchant sent has the merchant's name.
        if text(message, "direction") == Some("outbound") {
            continue;
        }
        if sender.contains(char::is_whitespace) {
            if fields.given_name.is_none() && fields.family_name.is_none() {
                full_name(fields, Some(sender));
            }
        } else {
            fields.handles.push(sender.to_owned());
        }
    }
}

fn text<'a>(document: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    document.get(field).and_then(Value::as_str)
}

fn entries<'a>(
    documents: &'a BTreeMap<Category, Map<String, Value>>,
    category: Category,
    list: &str,
) -> Vec<&'a Map<String, Value>> {
    let list = documents.get(&category).and_then(|document| document.get(list)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object).collect()
}

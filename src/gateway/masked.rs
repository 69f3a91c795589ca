//! Values as they are shown to whoever has to recognise a person and need not learn who it is.
//!
//! The beginning of a name or street, the initials of a mailbox, the last two digits of a number, the year of a birth. Always
//! as many dots, so that no length is told. What has few values (a form of address, a house number, a country) is not shown, because
//! its beginning would be all of it; nor is what a short value would give away. What is not compared is not shown either.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Disclosed;
use crate::graph::matching::Field;
use crate::types::Category;

/// What is not shown.
const HIDDEN: &str = "•••";
/// Letters that stay hidden at least, wherever some are shown.
const STAY: usize = 2;
/// Digits of a number below which none is shown.
const DIGITS: usize = 7;
/// Words of a name.
const WORDS: usize = 3;
/// Values of one kind.
const MOST: usize = 8;

/// One value of a record, masked.
pub struct MaskedValue {
    /// What it is compared as.
    pub field: Field,
    /// What may be shown of it.
    pub value: Disclosed<String>,
}

/// What may be shown of a record: of the categories that were opened, what is compared.
pub(super) fn masked(parts: &BTreeMap<Category, Value>) -> Vec<MaskedValue> {
    let mut shown = Shown(Vec::new());
    if let Some(identity) = parts.get(&Category::Identity) {
        let named = ["given_name", "family_name"].iter().all(|name| identity.get(name).is_some());
        shown.text(Field::GivenName, identity.get("given_name"), |name| words(name, 1));
        shown.text(Field::FamilyName, identity.get("family_name"), |name| words(name, 2));
        shown.text(Field::FamilyName, identity.get("full_name").filter(|_| !named), |name| words(name, 1));
        shown.text(Field::Company, identity.get("company"), |name| beginning(name, 2));
        shown.text(Field::BirthDate, identity.get("birth_date"), year);
        shown.texts(Field::Number, identity.get("customer_numbers"), ending);
        shown.texts(Field::Number, identity.get("accounts"), ending);
    }
    if let Some(contact) = parts.get(&Category::Contact) {
        shown.of_each(Field::Mailbox, contact.get("emails"), |entry| entry.get("value")?.as_str().map(mailbox));
        shown.of_each(Field::Phone, contact.get("phones"), |entry| entry.get("value")?.as_str().map(ending));
    }
    if let Some(address) = parts.get(&Category::Address) {
        shown.of_each(Field::Address, address.get("addresses"), place);
    }
    if let Some(social) = parts.get(&Category::Social) {
        shown.texts(Field::Handle, social.get("accounts"), |handle| beginning(handle, 1));
        let sender = |message: &Value| {
            let inbound = message.get("direction").and_then(Value::as_str) != Some("outbound");
            message.get("sender_name").filter(|_| inbound)?.as_str().map(|name| words(name, 1))
        };
        shown.of_each(Field::Handle, social.get("messages"), sender);
    }
    shown.0.into_iter().map(|(field, value)| MaskedValue { field, value: Disclosed::new(value) }).collect()
}

/// What is shown, each once.
struct Shown(Vec<(Field, String)>);

impl Shown {
    fn add(&mut self, field: Field, value: String) {
        let full = self.0.iter().filter(|(known, _)| *known == field).count() >= MOST;
        if !full && !self.0.contains(&(field, value.clone())) {
            self.0.push((field, value));
        }
    }

    fn text(&mut self, field: Field, value: Option<&Value>, mask: impl Fn(&str) -> String) {
        if let Some(text) = value.and_then(Value::as_str) {
            self.add(field, mask(text));
        }
    }

    fn texts(&mut self, field: Field, list: Option<&Value>, mask: impl Fn(&str) -> String) {
        self.of_each(field, list, |entry| entry.as_str().map(&mask));
    }

    fn of_each(&mut self, field: Field, list: Option<&Value>, mask: impl Fn(&Value) -> Option<String>) {
        for entry in list.and_then(Value::as_array).into_iter().flatten() {
            if let Some(value) = mask(entry) {
                self.add(field, value);
            }
        }
    }
}

/// So many letters, as long as enough stay hidden.
fn beginning(text: &str, letters: usize) -> String {
    let text = text.trim();
    let shown = text.chars().count().saturating_sub(STAY).min(letters);
    text.chars().take(shown).chain(HIDDEN.chars()).collect()
}

/// The beginning of each word.
fn words(text: &str, letters: usize) -> String {
    text.split_whitespace().take(WORDS).map(|word| beginning(word, letters)).collect::<Vec<_>>().join(" ")
}

/// The last two of a long number.
fn ending(number: &str) -> String {
    let number = number.trim();
    let all = number.chars().count();
    let shown = if all < DIGITS { 0 } else { 2 };
    HIDDEN.chars().chain(number.chars().skip(all - shown)).collect()
}

fn year(date: &str) -> String {
    // A year alone would be all that is known.
    date.split_once('-').map_or_else(|| HIDDEN.to_owned(), |(year, _)| format!("{year}{HIDDEN}"))
}

fn mailbox(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (name, end) = domain.rsplit_once('.').unwrap_or((domain, ""));
    let end = if end.is_empty() { String::new() } else { format!(".{end}") };
    format!("{}@{}{end}", beginning(local, 1), beginning(name, 1))
}

/// Street, house number, postal code and town, as far as there are. Two digits of a postal code and the first letter of a town
/// would be the town.
fn place(address: &Value) -> Option<String> {
    let text = |field: &str| address.get(field).and_then(Value::as_str);
    let street = text("street").map(|street| beginning(street, 2));
    let number = text("house_number").map(|_| HIDDEN.to_owned());
    let code = text("postal_code").map(|code| beginning(code, 1));
    let town = text("city").map(|town| beginning(town, 1));
    let parts: Vec<String> = [street, number, code, town].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(parts: Value) -> Vec<(Field, String)> {
        let parts = parts.as_object().unwrap().iter();
        let parts = parts.map(|(category, part)| (category.parse().unwrap(), part.clone())).collect();
        #[expect(clippy::disallowed_methods, reason = "the test made the values")]
        let look = |value: MaskedValue| (value.field, value.value.take());
        masked(&parts).into_iter().map(look).collect()
    }

    #[test]
    fn what_is_compared_is_shown_in_part() {
        let found = shown(json!({
            "identity": {"salutation": "Frau", "title": "Dr.", "given_name": "Ottilie Maria", "family_name": "Zwirnlechner",
                "company": "Weiß & Söhne", "birth_date": "1971-03-09", "language": "de", "customer_numbers": ["10023", "K-4711-08"]},
            "contact": {"emails": [{"value": "ottilie@example.org", "verified": true}], "phones": [{"value": "+493023125140"}]},
            "address": {"addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin",
                "country": "DE", "name": "Erika Muster"}]},
            "social": {"accounts": ["ottilie71"], "messages": [{"text": "Hallo Welt", "sender_name": "Ottilie Z.", "direction": "inbound"},
                {"text": "Hallo", "sender_name": "Teeladen", "direction": "outbound"}]},
        }));
        let of = |field: Field| -> Vec<&str> {
            found.iter().filter(|(of, _)| *of == field).map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(of(Field::GivenName), ["O••• M•••"]);
        assert_eq!(of(Field::FamilyName), ["Zw•••"]);
        assert_eq!(of(Field::Company), ["We•••"]);
        assert_eq!(of(Field::BirthDate), ["1971•••"]);
        assert_eq!(of(Field::Number), ["•••", "•••08"]);
        assert_eq!(of(Field::Mailbox), ["o•••@e•••.org"]);
        assert_eq!(of(Field::Phone), ["•••40"]);
        assert_eq!(of(Field::Address), ["Ka••• ••• 1••• B•••"]);
        assert_eq!(of(Field::Handle), ["o•••", "O••• •••"]);
        assert_eq!(found.len(), 11, "more is shown than is compared: {found:?}");
    }

    #[test]
    fn what_is_short_is_not_shown_at_all() {
        let found = shown(json!({
            "identity": {"given_name": "Li", "family_name": "李", "birth_date": "1971", "accounts": ["A-77"]},
            "contact": {"emails": [{"value": "m@e.org"}], "phones": [{"value": "110"}]},
            "address": {"addresses": [{"street": "Q7", "house_number": "1", "country": "DE"}, {"country": "DE"}]},
        }));
        let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["•••", "•••", "•••", "•••", "•••@•••.org", "•••", "••• •••"]);
    }

    proptest! {
        /// Whatever it is: at most two of its letters in a row are shown, and at least two are not.
        #[test]
        fn no_value_is_shown_whole(text in "\\PC{1,24}") {
            let letters = |text: &str| text.chars().filter(|c| *c != '•' && !c.is_whitespace()).count();
            for masked in [beginning(&text, 2), ending(&text)] {
                prop_assert!(letters(&masked) <= 2, "{masked}");
                prop_assert!(letters(&masked) == 0 || letters(&masked) + STAY <= text.trim().chars().count(), "{masked}");
                prop_assert!(masked.contains(HIDDEN));
            }
            for word in words(&text, 2).split_whitespace() {
                prop_assert!(letters(word) <= 2 && word.contains(HIDDEN));
            }
        }
    }
}

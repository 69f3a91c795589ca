//! Values as they are shown to whoever has to recognise a person and need not learn who it is.
//!
//! The beginning of a name or street, the initials of a mailbox, the last two digits of a number, the year of a birth. Always
//! as many dots, so that no length is told. What has few values (a form of address, a house number, a country) is not shown, because
//! its beginning would be all of it; nor is what a short value would give away. What is not compared is not shown either.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Disclosed;
use super::document::Document;
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
pub(super) fn masked(parts: &BTreeMap<Category, Document>) -> Vec<MaskedValue> {
    let mut shown = Shown(Vec::new());
    if let Some(identity) = parts.get(&Category::Identity).map(Document::tree) {
        let named = ["given_name", "family_name"].iter().all(|name| identity.get(name).is_some());
        shown.text(Field::GivenName, identity.get("given_name"), |name| words(name, 1));
        shown.text(Field::FamilyName, identity.get("family_name"), |name| words(name, 2));
        shown.text(Field::FamilyName, identity.get("full_name").filter(|_| !named), |name| words(name, 1));
        shown.text(Field::Company, identity.get("company"), |name| beginning(name, 2));
        shown.text(Field::BirthDate, identity.get("birth_date"), year);
        shown.texts(Field::Number, identity.get("customer_numbers"), ending);
        shown.texts(Field::Number, identity.get("accounts"), ending);
    }
    if let Some(contact) = parts.get(&Category::Contact).map(Document::tree) {
        shown.of_each(Field::Mailbox, contact.get("emails"), |entry| entry.get("value")?.as_str().map(mailbox));
        shown.of_each(Field::Phone, contact.get("phones"), |entry| entry.get("value")?.as_str().map(ending));
    }
    if let Some(address) = parts.get(&Category::Address).map(Document::tree) {
        shown.of_each(Field::Address, address.get("addresses"), place);
    }
    if let Some(social) = parts.get(&Category::Social).map(Document::tree) {
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

/// The last two digits of a long number. What ends otherwise may be a name.
fn ending(number: &str) -> String {
    let number = number.trim();
    let all = number.chars().count();
    let last: String = number.chars().skip(all.saturating_sub(2)).collect();
    let is_shown = all >= DIGITS && last.chars().all(|digit| digit.is_ascii_digit());
    if is_shown { format!("{HIDDEN}{last}") } else { HIDDEN.to_owned() }
}

fn year(date: &str) -> String {
    // A year alone would be all that is known.
    let year = date.split_once('-').map(|(year, _)| year);
    let year = year.filter(|year| year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit()));
    year.map_or_else(|| HIDDEN.to_owned(), |year| format!("{year}{HIDDEN}"))
}

/// The end of a domain is shown if it is one of those that thousands share: a longer one may be the name itself.
fn mailbox(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (name, end) = domain.rsplit_once('.').unwrap_or((domain, ""));
    let is_shared = (2..=3).contains(&end.len()) && end.bytes().all(|letter| letter.is_ascii_alphabetic());
    let end = match end {
        "" => String::new(),
        end if is_shared => format!(".{end}"),
        _ => format!(".{HIDDEN}"),
    };
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
        let parts = parts.map(|(category, part)| (category.parse().unwrap(), Document::of_a_test(part))).collect();
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

    #[test]
    fn a_name_at_the_end_of_a_mailbox_or_an_account_is_not_shown() {
        let found = shown(json!({
            "identity": {"accounts": ["mueller", "muster1", "kunde-71"]},
            "contact": {"emails": [{"value": "a@intranet.zimtstern"}, {"value": "otto@zimtstern"}, {"value": "otto@tee.co.uk"}]},
        }));
        let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["•••", "•••71", "•••@i•••.•••", "o•••@z•••", "o•••@t•••.uk"]);
    }

    proptest! {
        /// Whatever is said: of each value that is shown at most two letters stand in a row and at least two are not told, but for
        /// the year of a birth and a short end of a domain.
        #[test]
        fn no_record_is_shown_whole(text in "\\PC{1,24}", name in "[a-zäöß]{1,12}", end in "[a-z]{1,8}", day in "[0-9]{1,5}(-[0-9]{2}){0,2}") {
            let mail = format!("{name}@{name}.{end}");
            for (value, mail, date) in [(&text, &mail, &day), (&name, &text, &text)] {
                let found = shown(json!({
                    "identity": {"given_name": value, "family_name": value, "full_name": value, "company": value,
                        "birth_date": date, "customer_numbers": [value], "accounts": [value]},
                    "contact": {"emails": [{"value": mail}], "phones": [{"value": value}]},
                    "address": {"addresses": [{"street": value, "house_number": value, "postal_code": value, "city": value}]},
                    "social": {"accounts": [value], "messages": [{"sender_name": value}]},
                }));
                for (field, shown) in found {
                    let of = match field {
                        Field::BirthDate => date,
                        Field::Mailbox => mail,
                        _ => value,
                    };
                    prop_assert!(shown.is_empty() || shown.contains(HIDDEN), "{shown} hides nothing");
                    let domain = shown.rsplit_once('@').filter(|_| field == Field::Mailbox).map(|(_, domain)| domain);
                    let end = domain.and_then(|domain| domain.rsplit_once('.')).map(|(_, end)| end.to_owned());
                    let shown = match end {
                        Some(end) => {
                            let short = (2..=3).contains(&end.len()) && end.bytes().all(|letter| letter.is_ascii_alphabetic());
                            prop_assert!(short || end == HIDDEN, "{shown} of {of}");
                            shown.trim_end_matches(&end).to_owned()
                        }
                        None => shown,
                    };
                    let longest = shown.split(|c: char| "•@. ".contains(c) || c.is_whitespace()).map(|run| run.chars().count()).max();
                    let most = if field == Field::BirthDate { 4 } else { 2 };
                    prop_assert!(longest.is_none_or(|longest| longest <= most), "{shown} of {of}");
                    let letters = |text: &str| text.chars().filter(|c| !"•@.".contains(*c) && !c.is_whitespace()).count();
                    let all = of.trim().chars().count();
                    // Of an address each part is such a value.
                    let parts: Vec<&str> =
                        if field == Field::Address { shown.split_whitespace().collect() } else { vec![&shown] };
                    let stay = if field == Field::BirthDate { 1 } else { STAY };
                    for part in parts {
                        prop_assert!(letters(part) == 0 || letters(part) + stay <= all, "{shown} of {of}");
                    }
                }
            }
        }


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

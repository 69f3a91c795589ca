//! What must hold of any two cards, and what is expected of certain people, told by cards of words.

mod evidence;
mod groups;
mod properties;
mod stored;
mod verdicts;

use super::*;
use crate::types::SourceNo;

static_assertions::assert_not_impl_any!(Card: Clone, std::fmt::Debug, std::fmt::Display, serde::Serialize);
static_assertions::assert_not_impl_any!(Fields: Clone, std::fmt::Debug, std::fmt::Display, serde::Serialize);
static_assertions::assert_not_impl_any!(TermFrequencies: Clone, std::fmt::Debug, serde::Serialize);

/// A card of words: `given family`, then `key:value` for the rest.
fn card(text: &str) -> Card {
    let mut fields = Fields::default();
    let mut place = AddressFields::default();
    let mut number = None;
    let said = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    for word in text.split(',').map(str::trim) {
        let (key, value) = word.split_once(':').unwrap_or(("", ""));
        match key {
            "given" => fields.given_name = said(value),
            "family" => fields.family_name = said(value),
            "mr" => fields.salutation = said(value),
            "firm" => fields.company = said(value),
            "born" => {
                let parts: Vec<i16> = value.split('-').map(|part| part.parse().unwrap()).collect();
                fields.birth_date = Some((parts[0], parts[1].try_into().unwrap(), parts[2].try_into().unwrap()));
            }
            "mail" => fields.mailboxes.push((value.to_owned(), MailboxClass::Personal)),
            "role" => fields.mailboxes.push((value.to_owned(), MailboxClass::Role)),
            "phone" => fields.phones.push(value.to_owned()),
            "handle" => fields.handles.push(value.to_owned()),
            "street" => place.street = said(value),
            "house" => place.house_number = said(value),
            "code" => place.postal_code = said(value),
            "town" => place.town = said(value),
            "login" | "elsewhere" => {
                number = Some(Number {
                    kind: NumberKind::Account,
                    source: Some(SourceNo(if key == "login" { 1 } else { 2 })),
                    ix: [value.len() as u8; 16],
                    verified: true,
                })
            }
            _ => {}
        }
    }
    fields.addresses.push(place);
    fields.numbers.extend(number);
    Card::new(&fields)
}

fn verdict(one: &str, other: &str) -> Verdict {
    // Many people are known, so that a name alone says little.
    Model::shipped().score(&card(one), &card(other), &TermFrequencies::new(100_000)).verdict
}

const HOME: &str = "street:gartenstr, house:12, code:10115, town:berlin";

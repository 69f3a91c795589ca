//! Blocking keys: records that share one are compared.

use zeroize::Zeroizing;

use super::KeyKind;
use super::card::{Card, MailboxClass, NumberKind, Place};
use super::compare::{letters, sound};
use super::terms::{building, day};

/// Words of a name that make keys.
const WORDS: usize = 2;
/// Addresses that make keys.
const PLACES: usize = 3;

/// The blocking keys of a card, about a dozen, each value once. The caller makes blind indexes of them; kind and bytes
/// belong into the index together. A value that few people differ in never stands alone.
#[must_use]
pub fn keys(card: &Card) -> Vec<(KeyKind, Zeroizing<Vec<u8>>)> {
    let mut keys = Keys(Vec::new());
    contacts(card, &mut keys);
    names(card, &mut keys);
    places(card, &mut keys);
    keys.0
}

struct Keys(Vec<(KeyKind, Zeroizing<Vec<u8>>)>);

impl Keys {
    /// Adds a key, if each of its parts says something.
    fn add(&mut self, kind: KeyKind, parts: &[&str]) {
        if parts.iter().any(|part| part.is_empty()) {
            return;
        }
        let value = Zeroizing::new(parts.join("\0").into_bytes());
        if !self.0.iter().any(|(known, text)| *known == kind && *text == value) {
            self.0.push((kind, value));
        }
    }
}

fn contacts(card: &Card, keys: &mut Keys) {
    for mailbox in &card.mailboxes {
        // A post's mailbox is read by many: there the family name belongs to it.
        if mailbox.class == MailboxClass::Role {
            for family in card.family.iter().take(WORDS) {
                keys.add(KeyKind::Mailbox, &[&mailbox.local, &mailbox.domain, &sound::code(family)]);
            }
        }
        keys.add(KeyKind::Mailbox, &[&mailbox.local, &mailbox.domain]);
        keys.add(KeyKind::Handle, &[&mailbox.handle().unwrap_or_default()]);
    }
    for handle in &card.handles {
        keys.add(KeyKind::Handle, &[&letters(handle)]);
    }
    for phone in &card.phones {
        keys.add(KeyKind::Phone, &[phone]);
    }
    for number in &card.numbers {
        let kind = match number.kind {
            NumberKind::Customer => "customer",
            NumberKind::Account => "account",
            NumberKind::BankAccount => "bank",
            NumberKind::Order => "order",
        };
        let source = number.source.map_or_else(|| "all".to_owned(), |source| source.0.to_string());
        let ix: String = number.ix.iter().map(|byte| format!("{byte:02x}")).collect();
        keys.add(KeyKind::Number, &[kind, &source, &ix]);
    }
}

fn names(card: &Card, keys: &mut Keys) {
    let given = card.given.first().map_or("", String::as_str);
    for family in card.family.iter().take(WORDS) {
        let (first, last) = if given <= family.as_str() { (given, family.as_str()) } else { (family.as_str(), given) };
        if given.chars().count() > 1 {
            keys.add(KeyKind::FullName, &[first, last]);
        }
    }
    if card.family.is_empty() {
        written(card, keys);
    }
    let Some(birth) = card.birth else { return };
    let year = birth.year.to_string();
    for family in card.family.iter().take(WORDS) {
        keys.add(KeyKind::FamilyAndBirthYear, &[&sound::code(family), &year]);
    }
    if birth.month > 0 {
        let date = day(birth);
        keys.add(KeyKind::GivenAndBirthDate, &[given, &date]);
        // Of whom one name is missing, and the other misspelt.
        for place in card.places.iter().take(PLACES) {
            keys.add(KeyKind::BirthDateAndTown, &[&date, text(place, |place| &place.town)]);
        }
        let mut initials: Vec<char> =
            [given.chars().next(), first_letter(&card.family)].into_iter().flatten().collect();
        initials.sort_unstable();
        if initials.len() == 2 {
            keys.add(KeyKind::InitialsAndBirthDate, &[&initials.into_iter().collect::<String>(), &date]);
        }
    }
}

/// A record without a family name may have it in a mailbox or handle.
fn written(card: &Card, keys: &mut Keys) {
    let mut pieces: Vec<String> = card.pieces().into_iter().filter(|piece| piece.len() >= 3).collect();
    // The longest say most, whichever mailbox or handle was told first.
    pieces.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    pieces.dedup();
    pieces.truncate(4);
    let given = card.given.first().filter(|given| given.chars().count() > 1);
    for (at, piece) in pieces.iter().enumerate() {
        for other in given.into_iter().chain(pieces.iter().skip(at + 1).filter(|_| given.is_none())) {
            keys.add(KeyKind::FullName, &[other.min(piece), other.max(piece)]);
        }
    }
}

fn first_letter(words: &[String]) -> Option<char> {
    words.first().and_then(|word| word.chars().next())
}

fn places(card: &Card, keys: &mut Keys) {
    let given = card.given.first().map_or("", String::as_str);
    for place in card.places.iter().take(PLACES) {
        let code = place.postal_code.as_deref().unwrap_or_default();
        let town = place.town.as_deref().unwrap_or_default();
        for family in card.family.iter().take(WORDS) {
            let sound = sound::code(family);
            keys.add(KeyKind::FamilyAndPostalCode, &[&sound, code]);
            let called = sound::code(given);
            let (first, last) = if called <= sound { (&called, &sound) } else { (&sound, &called) };
            keys.add(KeyKind::SoundsAndTown, &[first, last, town]);
        }
        if given.len() > 1 {
            // Under the kind of family names: they may have changed places.
            keys.add(KeyKind::FamilyAndPostalCode, &[&sound::code(given), code]);
        }
        if !place.locker {
            keys.add(KeyKind::Address, &[&building(place).unwrap_or_default()]);
            keys.add(
                KeyKind::GivenAndStreet,
                &[given, text(place, |place| &place.street), text(place, |place| &place.house_number)],
            );
        }
        let firm: String = card.company.as_deref().unwrap_or_default().chars().filter(|c| *c != ' ').take(5).collect();
        keys.add(KeyKind::CompanyAndPostalCode, &[&firm, code]);
    }
}

fn text(place: &Place, field: impl Fn(&Place) -> &Option<String>) -> &str {
    field(place).as_deref().unwrap_or_default()
}

//! How often values occur: a rare name says more than a frequent one.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::TermKind;
use super::card::{Birth, Card, MailboxClass, Place};
use super::compare::{family_key, letters, sound};
use super::filled::FilledIn;

/// The values of a card that the hub counts, each once. The caller makes blind indexes of them under a key of their own.
#[must_use]
pub fn terms(card: &Card) -> Vec<(TermKind, Zeroizing<Vec<u8>>)> {
    let mut terms: Vec<(TermKind, Zeroizing<Vec<u8>>)> = Vec::new();
    let mut add = |kind: TermKind, value: String| {
        let value = Zeroizing::new(value.into_bytes());
        if !value.is_empty() && !terms.iter().any(|known| known.0 == kind && known.1 == value) {
            terms.push((kind, value));
        }
    };
    for word in &card.given {
        add(TermKind::GivenName, word.clone());
    }
    add(TermKind::FamilyName, family_key(&card.family));
    for place in &card.places {
        add(TermKind::Town, place.town.clone().unwrap_or_default());
        add(TermKind::PostalCode, place.postal_code.clone().unwrap_or_default());
        add(TermKind::Building, building(place).unwrap_or_default());
    }
    add(TermKind::Company, card.company.clone().unwrap_or_default());
    for mailbox in card.mailboxes.iter().filter(|mailbox| mailbox.class != MailboxClass::Relay) {
        add(TermKind::Mailbox, format!("{}@{}", mailbox.local, mailbox.domain));
    }
    for phone in &card.phones {
        add(TermKind::Phone, phone.clone());
    }
    for handle in &card.handles {
        add(TermKind::Handle, letters(handle));
    }
    if let Some(birth) = card.birth {
        add(TermKind::BirthDate, day(birth));
    }
    terms
}

impl Card {
    /// Does it tell a name, a firm, a place or a date of birth, and not contact points and numbers alone?
    #[must_use]
    pub fn tells_who(&self) -> bool {
        let places = || self.places.iter().any(|place| place.town.is_some() || place.postal_code.is_some());
        let names = || !self.given.is_empty() || !self.family.is_empty();
        names() || self.company.is_some() || self.birth.is_some() || places()
    }
}

/// Whom a record seems to be of, among those under one contact point: whose name it tells, by the initial and the sound, since many
/// misspell it; or else by what other contact points it tells.
fn seems(card: &Card, under: TermKind) -> impl Hash {
    let initial = card.given.first().and_then(|given| given.chars().next());
    let sound = sound::code(&family_key(&card.family));
    let other = initial.is_none() && card.family.is_empty();
    let list = |kind: TermKind| other && kind != under;
    let mailboxes = card.mailboxes.iter().filter(|_| list(TermKind::Mailbox));
    let mailboxes: Vec<(&String, &String)> = mailboxes.map(|mailbox| (&mailbox.local, &mailbox.domain)).collect();
    let phones: Vec<&String> = card.phones.iter().filter(|_| list(TermKind::Phone)).collect();
    let handles: Vec<&String> = card.handles.iter().filter(|_| list(TermKind::Handle)).collect();
    (initial, sound, mailboxes, phones, handles)
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// A date as one text.
pub(super) fn day(birth: Birth) -> String {
    format!("{:04}{:02}{:02}", birth.year, birth.month, birth.day)
}

/// A building as one text, where the address is complete.
pub(super) fn building(place: &Place) -> Option<String> {
    let area = place.postal_code.as_deref().or(place.town.as_deref())?;
    Some(format!("{area}|{}|{}", place.street.as_deref()?, place.house_number.as_deref()?))
}

/// How many records hold each value, and of a contact point how many people, as far as the caller knows. To score a card against others it is enough to know
/// its own [`terms`]: only values that both hold are looked up.
#[derive(Default)]
pub struct TermFrequencies {
    records: u64,
    /// How many other records one has of the same person, on average, as far as that was found.
    fellows: Option<f64>,
    buckets: HashMap<TermKind, HashMap<Box<[u8]>, u8>>,
    filled: Arc<FilledIn>,
}

impl TermFrequencies {
    /// Knows of no value yet. `records` is how many records the hub holds.
    #[must_use]
    pub fn new(records: u64) -> Self {
        Self { records, ..Self::default() }
    }

    /// Takes the number of records anew, when some have come.
    pub fn set_records(&mut self, records: u64) {
        self.records = records;
    }

    /// Notes how many other records one has of the same person, on average: as [`super::Clustering::fellows`] found it.
    pub fn set_fellows(&mut self, fellows: Option<f64>) {
        self.fellows = fellows;
    }

    /// Notes which dates of birth forms put in. Unlike what is noted of values, that has to be known of both of two cards.
    pub fn set_filled_in(&mut self, filled: Arc<FilledIn>) {
        self.filled = filled;
    }

    /// Did a form put the date in by itself?
    pub(super) fn is_filled_in(&self, birth: Birth) -> bool {
        self.filled.has(birth)
    }

    /// Notes how many hold a value, rounded down to a power of two: `bucket` is the exponent.
    pub fn note(&mut self, kind: TermKind, value: &[u8], bucket: u8) {
        self.buckets.entry(kind).or_default().insert(value.into(), bucket);
    }

    /// The bucket of a count; none for zero.
    #[must_use]
    pub fn bucket(count: u64) -> Option<u8> {
        count.checked_ilog2().and_then(|bucket| u8::try_from(bucket).ok())
    }

    /// Counts the terms of all `cards`, for a run over all of them: mailboxes, phones, handles and buildings by the people that the
    /// records seem to be of, all else by records.
    #[must_use]
    pub fn count<'a>(cards: impl IntoIterator<Item = &'a Card>) -> Self {
        let mut counts: HashMap<(TermKind, Box<[u8]>), u64> = HashMap::new();
        let mut seen: HashSet<(u64, u64)> = HashSet::new();
        let mut records = 0;
        for card in cards {
            records += 1;
            for (kind, value) in terms(card) {
                if kind.is_contact() && !seen.insert((hash(&(kind, value.as_slice())), hash(&seems(card, kind)))) {
                    continue;
                }
                *counts.entry((kind, value.as_slice().into())).or_default() += 1;
            }
        }
        let (mut frequencies, mut filled) = (Self::new(records), FilledIn::default());
        for ((kind, value), count) in counts {
            if kind == TermKind::BirthDate {
                filled.note(&value, count, records);
            }
            if let Some(bucket) = Self::bucket(count) {
                frequencies.note(kind, &value, bucket);
            }
        }
        frequencies.set_filled_in(Arc::new(filled));
        frequencies
    }

    /// How many records there are: at least one.
    pub(super) fn records(&self) -> f64 {
        count(self.records.max(1))
    }

    /// In how many records one of the same person is found by chance, as a power of two, if that is known.
    pub(super) fn doublings(&self) -> Option<f64> {
        Some((self.records() / self.fellows?).log2())
    }

    /// How many hold a value beside the two that are compared.
    pub(super) fn others(&self, kind: TermKind, value: &str) -> Option<f64> {
        let bucket = self.buckets.get(&kind)?.get(value.as_bytes())?;
        let held = 1u64.checked_shl((*bucket).into()).unwrap_or(u64::MAX);
        Some(count(held.saturating_sub(2)))
    }
}

/// Counts of records lie far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "counts of records lie far below 2^53")]
fn count(records: u64) -> f64 {
    records as f64
}

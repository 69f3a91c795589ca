//! How often values occur: a rare name says more than a frequent one.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::TermKind;
use super::card::{Card, MailboxClass, Place};
use super::compare::{family_key, letters};

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
        add(TermKind::BirthDate, format!("{:04}{:02}{:02}", birth.year, birth.month, birth.day));
    }
    terms
}

/// A building as one text, where the address is complete.
pub(super) fn building(place: &Place) -> Option<String> {
    let area = place.postal_code.as_deref().or(place.town.as_deref())?;
    Some(format!("{area}|{}|{}", place.street.as_deref()?, place.house_number.as_deref()?))
}

/// How many records hold each value, as far as the caller knows. To score a card against others it is enough to know
/// its own [`terms`]: only values that both hold are looked up.
#[derive(Default)]
pub struct TermFrequencies {
    records: u64,
    buckets: HashMap<TermKind, HashMap<Box<[u8]>, u8>>,
}

impl TermFrequencies {
    /// Knows of no value yet. `records` is how many records the hub holds.
    #[must_use]
    pub fn new(records: u64) -> Self {
        Self { records, buckets: HashMap::new() }
    }

    /// Takes the number of records anew, when some have come.
    pub fn set_records(&mut self, records: u64) {
        self.records = records;
    }

    /// Notes how many records hold a value, rounded down to a power of two: `bucket` is the exponent.
    pub fn note(&mut self, kind: TermKind, value: &[u8], bucket: u8) {
        self.buckets.entry(kind).or_default().insert(value.into(), bucket);
    }

    /// The bucket of a count; none for zero.
    #[must_use]
    pub fn bucket(count: u64) -> Option<u8> {
        count.checked_ilog2().and_then(|bucket| u8::try_from(bucket).ok())
    }

    /// Counts the terms of all `cards`, for a run over all of them.
    #[must_use]
    pub fn count<'a>(cards: impl IntoIterator<Item = &'a Card>) -> Self {
        let mut counts: HashMap<(TermKind, Box<[u8]>), u64> = HashMap::new();
        let mut records = 0;
        for card in cards {
            records += 1;
            for (kind, value) in terms(card) {
                *counts.entry((kind, value.as_slice().into())).or_default() += 1;
            }
        }
        let mut frequencies = Self::new(records);
        for ((kind, value), count) in counts {
            if let Some(bucket) = Self::bucket(count) {
                frequencies.note(kind, &value, bucket);
            }
        }
        frequencies
    }

    /// How many records there are: at least one.
    pub(super) fn records(&self) -> f64 {
        count(self.records.max(1))
    }

    /// How many records hold a value beside the two that are compared.
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

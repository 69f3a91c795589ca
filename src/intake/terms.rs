//! How frequent the values of a record are: a rare name says more than a frequent one.
//!
//! Names, towns, postal codes, firms and birth dates are counted by keyed digests ([`crate::store::terms`]); how many
//! share a mailbox, phone, handle or building is seen from their matching keys already. What was asked for once stays in
//! memory and is counted along, so that a batch asks only for what it brings anew, outside of its transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

use super::Error;
use super::prepare::Prepared;
use crate::graph::matching::{Card, FilledIn, KeyKind, TermFrequencies, TermKind, terms};
use crate::store::{self, Store, Write};
use crate::vault::{Personal, Sealer};

/// The first number of the keys under which values are counted; those below find candidates.
const FIRST: i16 = 16;
/// Counts kept in memory; then it begins anew.
const KEPT: usize = 250_000;
/// Records that are gone and are taken off the counts with one batch.
const GONE: i64 = 500;
/// What counts as "too many to tell", as a power of two: a block that is full.
const CROWD: u8 = 12;

/// A value of a record that is counted.
pub(super) struct Term {
    kind: TermKind,
    value: Zeroizing<Vec<u8>>,
    by: By,
}

/// Where its count is known from.
enum By {
    /// It is counted under this number.
    Number(i32),
    /// By the people whose records are under this matching key.
    Key(i64),
}

impl Term {
    /// The values of a card.
    ///
    /// # Errors
    /// If the vault fails.
    pub(super) fn of(sealer: &Sealer, card: &Card) -> Result<Vec<Self>, Error> {
        let term = |(kind, value): (TermKind, Zeroizing<Vec<u8>>)| {
            let by = match kind {
                TermKind::Mailbox => By::Key(key(sealer, KeyKind::Mailbox, &with_nul(&value))?),
                TermKind::Phone => By::Key(key(sealer, KeyKind::Phone, &value)?),
                TermKind::Handle => By::Key(key(sealer, KeyKind::Handle, &value)?),
                TermKind::Building => By::Key(key(sealer, KeyKind::Address, &value)?),
                TermKind::GivenName
                | TermKind::FamilyName
                | TermKind::Town
                | TermKind::PostalCode
                | TermKind::Company
                | TermKind::BirthDate => By::Number(number(sealer, kind, &value)?),
            };
            Ok(Self { kind, value, by })
        };
        terms(card).into_iter().map(term).collect()
    }

    /// The number it is counted under.
    pub(super) const fn number(&self) -> Option<i32> {
        match self.by {
            By::Number(number) => Some(number),
            By::Key(_) => None,
        }
    }

    /// The matching key under which its holders are found.
    pub(super) const fn key(&self) -> Option<i64> {
        match self.by {
            By::Number(_) => None,
            By::Key(key) => Some(key),
        }
    }
}

/// The number that a value is counted under.
fn number(sealer: &Sealer, kind: TermKind, value: &Zeroizing<Vec<u8>>) -> Result<i32, Error> {
    let [one, two, three, four, ..] = sealer.matching(FIRST + kind.number(), &Personal::closed(value.clone()))?.bytes();
    Ok(i32::from_be_bytes([one, two, three, four]))
}

fn key(sealer: &Sealer, kind: KeyKind, value: &Zeroizing<Vec<u8>>) -> Result<i64, Error> {
    Ok(sealer.matching(kind.number(), &Personal::closed(value.clone()))?.short())
}

/// A mailbox as its matching key has it: a zero byte stands for the last @.
fn with_nul(mailbox: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut value = Zeroizing::new(mailbox.to_vec());
    if let Some(at) = value.iter().rposition(|byte| *byte == b'@')
        && let Some(byte) = value.get_mut(at)
    {
        *byte = 0;
    }
    value
}

/// A date of birth as it is counted, and the number it is counted under.
type Dated = (i32, Zeroizing<Vec<u8>>);

/// What is known of how frequent values are.
#[derive(Default)]
pub(super) struct Counts {
    known: Mutex<HashMap<i32, i64>>,
    /// The numbers under which the dates of birth are counted that forms may put in, in ascending order, and those dates.
    dates: OnceLock<Vec<Dated>>,
    /// How many tell each of those: every batch looks at all. Nothing while that was not asked.
    dated: Mutex<Vec<i64>>,
}

impl Counts {
    /// Asks for what a batch brings and is not known yet, and once for the dates of birth that forms may put in: these count whoever
    /// tells them.
    ///
    /// # Errors
    /// If the store cannot be read, or the vault fails.
    pub(super) async fn learn(
        &self,
        store: &Store,
        sealer: &Sealer,
        prepared: impl Iterator<Item = &Prepared>,
    ) -> Result<(), Error> {
        let dates = self.dates(sealer)?;
        let (mut unknown, dates): (Vec<i32>, &[Dated]) = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let mut dated = self.dated.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() > KEPT {
                known.clear();
                dated.clear();
            }
            let terms = prepared.flat_map(|record| record.terms.iter().filter_map(Term::number));
            let terms = terms.filter(|term| !known.contains_key(term)).collect();
            (terms, if dated.is_empty() { dates } else { &[] })
        };
        unknown.sort_unstable();
        unknown.dedup();
        let asked: Vec<i32> = unknown.iter().chain(dates.iter().map(|(number, _)| number)).copied().collect();
        if asked.is_empty() {
            return Ok(());
        }
        let found = store.read(move |read| store::terms::held(read.records(), &asked)).await?;
        let held = |term: &i32| found.get(term).copied().unwrap_or(0);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dated = self.dated.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(unknown.iter().map(|term| (*term, held(term))));
        if !dates.is_empty() {
            *dated = dates.iter().map(|(number, _)| held(number)).collect();
        }
        Ok(())
    }

    fn dates(&self, sealer: &Sealer) -> Result<&[Dated], Error> {
        if let Some(dates) = self.dates.get() {
            return Ok(dates);
        }
        let counted = FilledIn::possible().map(Zeroizing::new);
        let dates = counted.map(|date| Ok((number(sealer, TermKind::BirthDate, &date)?, date)));
        let mut dates = dates.collect::<Result<Vec<Dated>, Error>>()?;
        dates.sort_unstable_by_key(|(number, _)| *number);
        Ok(self.dates.get_or_init(|| dates))
    }

    /// Which dates of birth so many of all `records` tell that forms put them in.
    pub(super) fn filled_in(&self, records: u64) -> FilledIn {
        let dated = self.dated.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filled = FilledIn::default();
        for ((_, date), held) in self.dates.get().into_iter().flatten().zip(dated.iter()) {
            filled.note(date, u64::try_from(*held).unwrap_or(0), records);
        }
        filled
    }

    /// Counts along what a batch added, once it is stored. What is not known is asked for when it is needed.
    pub(super) fn count(&self, more: &BTreeMap<i32, i32>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dated = self.dated.lock().unwrap_or_else(PoisonError::into_inner);
        let dates = self.dates.get().map_or(&[][..], Vec::as_slice);
        for (term, more) in more {
            let date = dates.binary_search_by_key(term, |(number, _)| *number).ok();
            for count in known.get_mut(term).into_iter().chain(date.and_then(|at| dated.get_mut(at))) {
                *count = count.saturating_add(i64::from(*more));
            }
        }
    }

    /// How frequent these values are among `records`, where `under` says of how many people those under a matching key are; none:
    /// too many to tell. `own`: is the record they are of counted already?
    pub(super) fn frequencies(
        &self,
        records: u64,
        terms: &[Term],
        own: bool,
        under: impl Fn(i64) -> Option<usize>,
    ) -> TermFrequencies {
        let mut frequencies = TermFrequencies::new(records);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for Term { kind, value, by } in terms {
            let others = match by {
                By::Number(number) => known.get(number).copied().map(|held| u64::try_from(held).unwrap_or(0)),
                By::Key(key) => under(*key).and_then(|held| u64::try_from(held).ok()).or(Some(1 << CROWD)),
            };
            let held = others.map(|held| held.saturating_add(u64::from(!own)));
            if let Some(bucket) = held.and_then(TermFrequencies::bucket) {
                frequencies.note(*kind, value, bucket);
            }
        }
        frequencies
    }
}

/// Takes off the counts what records held that are gone.
///
/// # Errors
/// If the store cannot be written.
pub(super) fn take_off(write: &mut Write<'_>, sealer: &Sealer, into: &mut BTreeMap<i32, i32>) -> Result<(), Error> {
    for gone in store::terms::take_gone(write, GONE)? {
        for term in sealer.unmask(&gone) {
            *into.entry(term).or_default() -= 1;
        }
    }
    Ok(())
}

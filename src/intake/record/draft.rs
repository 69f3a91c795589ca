//! [`Draft`]: a record on its way from fields to sealed parts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Category;
use crate::intake::normal::{Reason, date};
use crate::intake::rejection::{At, Rejection};
use crate::intake::wire::field::Instant;
use crate::types::Timestamp;

/// A law that makes the merchant keep a record after everybody else must forget it (Art. 17(3)(b) GDPR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statute {
    /// Vouchers: invoices and payments, eight years.
    Voucher,
    /// Business letters: orders and what was written about them, six years.
    BusinessLetter,
}

impl Statute {
    /// The articles, for certificates and access packages.
    #[must_use]
    pub const fn citation(self) -> &'static str {
        match self {
            Self::Voucher => "§ 147(1) no. 4, (3) AO; § 257(1) no. 4, (4) HGB",
            Self::BusinessLetter => "§ 147(1) nos. 2, 3, (3) AO; § 257(1) nos. 2, 3, (4) HGB",
        }
    }

    /// How many years, counted from the end of the calendar year.
    #[must_use]
    pub const fn years(self) -> i16 {
        match self {
            Self::Voucher => 8,
            Self::BusinessLetter => 6,
        }
    }
}

/// Until when a law keeps a record, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepUntil {
    /// The first moment in which the record need not be kept any more.
    pub until: Timestamp,
    /// The law.
    pub statute: Statute,
}

impl KeepUntil {
    /// The period of `statute` for something of `at`.
    #[must_use]
    pub fn of(statute: Statute, at: Timestamp) -> Self {
        Self { until: date::year_end(at, statute.years()), statute }
    }
}

/// What a record says, by category, and the facts the hub keeps in clear columns.
pub struct Draft {
    /// The present, for plausibility.
    pub now: Timestamp,
    /// When the source last changed the record.
    pub version: Timestamp,
    /// The document of each category.
    pub parts: BTreeMap<Category, Map<String, Value>>,
    /// Given and family name as written, if the record names a person in full.
    pub full_name: Option<String>,
    /// The country of the first address: how to read a phone number without country code.
    pub country: Option<&'static str>,
    /// Customer numbers among the fields; they identify like those among the identifiers.
    pub customer_numbers: Vec<String>,
    /// Whether accounts of this record are accounts on a social network.
    pub social: bool,
    /// When what the record tells happened.
    pub occurred_at: Option<Timestamp>,
    /// Until when the record serves a contract (Art. 6(1)(b) GDPR).
    pub contract_until: Option<Timestamp>,
    /// Until when a law keeps it.
    pub keep_until: Option<KeepUntil>,
    /// When the goods arrived.
    pub delivered_at: Option<Timestamp>,
    /// Whether it is an order that was paid and not called off.
    pub paid_order: bool,
    /// What was left out because it cannot be, with its place in the record.
    pub left_out: Vec<Rejection>,
}

impl Draft {
    /// An empty draft of a record changed at `version`.
    #[must_use]
    pub fn new(now: Timestamp, version: Timestamp, social: bool) -> Self {
        Self {
            now,
            version,
            parts: BTreeMap::new(),
            full_name: None,
            country: None,
            customer_numbers: Vec::new(),
            social,
            occurred_at: None,
            contract_until: None,
            keep_until: None,
            delivered_at: None,
            paid_order: false,
            left_out: Vec::new(),
        }
    }

    /// Leaves a value out that cannot be; the record goes in without it, and whoever sent it is told.
    pub(in crate::intake) fn leave_out(&mut self, reason: Reason, pointer: String) {
        self.left_out.push(Rejection { pointer, ..Rejection::new(reason) });
    }

    /// The value, unless it cannot be and is left out.
    pub(super) fn tried<T>(&mut self, read: Option<Result<T, Reason>>, pointer: impl FnOnce() -> String) -> Option<T> {
        match read? {
            Ok(value) => Some(value),
            Err(reason) => {
                self.leave_out(reason, pointer());
                None
            }
        }
    }

    /// Puts a field into the document of `category`; an absent value or empty object leaves no trace.
    pub fn put(&mut self, category: Category, field: &str, value: impl Into<Value>) {
        let value = value.into();
        if !is_nothing(&value) {
            self.parts.entry(category).or_default().insert(field.to_owned(), value);
        }
    }

    /// Adds an entry to a list in the document of `category`, unless the same one is there.
    pub fn push(&mut self, category: Category, list: &str, entry: impl Into<Value>) {
        let entry = entry.into();
        let document = self.parts.entry(category).or_default();
        if let Value::Array(entries) = document.entry(list).or_insert_with(|| Value::Array(Vec::new()))
            && !entries.contains(&entry)
        {
            entries.push(entry);
        }
    }

    /// The time of something that happened, checked for plausibility.
    pub(super) fn event(&self, field: &str, at: Instant) -> Result<Instant, Rejection> {
        date::event(at.0, self.now).map(Instant).at(field)
    }

    /// As [`Self::event`], where the field may be absent.
    pub(super) fn maybe_event(&self, field: &str, at: Option<Instant>) -> Result<Option<Instant>, Rejection> {
        at.map(|at| self.event(field, at)).transpose()
    }
}

/// A JSON object being written.
#[derive(Default)]
pub(super) struct Doc(Map<String, Value>);

impl Doc {
    /// Adds a field; an absent value leaves no trace.
    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !is_nothing(&value) {
            self.0.insert(field.to_owned(), value);
        }
        self
    }
}

impl From<Doc> for Value {
    fn from(doc: Doc) -> Self {
        Self::Object(doc.0)
    }
}

/// Refuses a list with more than `max` entries.
pub(super) fn at_most<T>(max: usize, field: &str, list: &[T]) -> Result<(), Rejection> {
    if list.len() > max {
        return Err(Rejection::because(Reason::TOO_MANY, format!("at most {max} entries are allowed")).under(field));
    }
    Ok(())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

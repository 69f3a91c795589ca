//! How many people are not in a segment, and why: per reason, and nothing else about them (Art. 25 GDPR).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::consent::Reason;

/// A group smaller than this would point at people.
pub const SMALLEST_GROUP: u32 = 5;

/// Why a person is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// The gateway refused.
    Refused(Reason),
    /// Nothing is known by which the channel could reach them.
    NoContactPoint,
    /// Their rows or ciphertexts are damaged; the log tells more.
    Damaged,
}

impl Exclusion {
    /// The stable code.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused(reason) => reason.word(),
            Self::NoContactPoint => "no_contact_point",
            Self::Damaged => "damaged",
        }
    }

    pub(super) const fn number(self) -> i16 {
        match self {
            Self::Refused(reason) => reason.number(),
            Self::NoContactPoint => 0,
            Self::Damaged => -1,
        }
    }

    pub(super) fn from_number(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::NoContactPoint),
            -1 => Some(Self::Damaged),
            number => Reason::try_from(number).ok().map(Self::Refused),
        }
    }
}

/// The people who were walked past, by reason. Groups below [`SMALLEST_GROUP`] are left out and not added up either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SegmentExclusions)]
pub struct Excluded {
    /// How many, by reason code.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    pub reasons: BTreeMap<&'static str, u32>,
    /// Some reasons hold for fewer than five people; they are not named.
    pub some_suppressed: bool,
}

impl From<&BTreeMap<Exclusion, u32>> for Excluded {
    fn from(tally: &BTreeMap<Exclusion, u32>) -> Self {
        let told = tally.iter().filter(|(_, count)| **count >= SMALLEST_GROUP);
        let reasons: BTreeMap<_, _> = told.map(|(exclusion, count)| (exclusion.word(), *count)).collect();
        Self { some_suppressed: reasons.len() < tally.len(), reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_groups_are_not_told() {
        let tally = BTreeMap::from([
            (Exclusion::Refused(Reason::NoConsent), 5),
            (Exclusion::Refused(Reason::Withdrawn), 4),
            (Exclusion::NoContactPoint, 1),
        ]);
        let told = serde_json::to_value(Excluded::from(&tally)).unwrap();
        assert_eq!(told, serde_json::json!({"reasons": {"no_consent": 5}, "some_suppressed": true}));
    }

    #[test]
    fn every_reason_survives_its_number() {
        for reason in Reason::ALL {
            assert_eq!(Exclusion::from_number(reason.number()), Some(Exclusion::Refused(*reason)));
        }
        assert_eq!(Exclusion::from_number(0), Some(Exclusion::NoContactPoint));
        assert_eq!(Exclusion::from_number(Exclusion::Damaged.number()), Some(Exclusion::Damaged));
        assert_eq!(Exclusion::from_number(i16::MIN), None);
    }
}

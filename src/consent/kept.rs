//! [`Kept`]: until when a category of a record is kept, by the purposes that name it, its source's clock and the law.
//!
//! Storage limitation asks with the purposes a person's standing carries, and intake with all of them: what nothing could keep
//! whatever the person says is not taken in, so that it need not be deleted (Art. 5(1)(b), (c), (e) GDPR). Both ask here, so that
//! they cannot disagree.

use super::{Edition, Purpose, Source};
use crate::types::{Category, CategorySet, Ground, Timestamp};

/// What of a record its periods depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dates {
    /// From when the days of the purposes count.
    pub since: Timestamp,
    /// When the source's own clock ends.
    pub source_until: Option<Timestamp>,
    /// Until when a law keeps it, if it is a voucher or a letter.
    pub law: Option<Timestamp>,
}

/// Until when a category of a record is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// By the longest of the purposes, at most until the source's clock ends.
    pub purposes: Option<Timestamp>,
    /// Was it the source's clock that came first?
    pub by_source: bool,
    /// By law.
    pub law: Option<Timestamp>,
}

impl Kept {
    /// Until when `category` of a record of `source` is kept. Each of `purposes` comes with whether it stands for the person.
    pub fn until<'a>(
        purposes: impl Iterator<Item = (&'a Purpose, bool)>,
        source: &Source,
        category: Category,
        dates: &Dates,
    ) -> Self {
        let mut kept = Self::default();
        // Without a purpose that says what a law keeps, it keeps everything.
        let mut unsaid = true;
        for (purpose, stands) in purposes {
            let by_law = keeps_by_law(purpose);
            unsaid &= !by_law;
            let allowed = source.purposes.as_ref().is_none_or(|purposes| purposes.contains(&purpose.code));
            if !allowed || !purpose.categories.contains(category) {
                continue;
            }
            if by_law {
                kept.law = kept.law.max(dates.law);
            } else if stands {
                kept.purposes = kept.purposes.max(Some(dates.since.plus_days(i64::from(purpose.retention_days))));
            }
        }
        if unsaid {
            kept.law = dates.law;
        }
        if let Some(clock) = dates.source_until.filter(|clock| kept.purposes.is_some_and(|end| *clock < end)) {
            (kept.purposes, kept.by_source) = (Some(clock), true);
        }
        kept
    }

    /// Does anything keep it at `now`?
    #[must_use]
    pub fn holds(self, now: Timestamp) -> bool {
        self.by_purposes(now) || self.by_law(now)
    }

    /// Does a purpose?
    #[must_use]
    pub fn by_purposes(self, now: Timestamp) -> bool {
        self.purposes.is_some_and(|until| now < until)
    }

    /// Does a law?
    #[must_use]
    pub fn by_law(self, now: Timestamp) -> bool {
        self.law.is_some_and(|until| now < until)
    }
}

impl Edition {
    /// Could anything keep `category` of a record of `source` at `now`, whatever the person says? Where no purpose is configured
    /// the hub knows too little, and everything is kept.
    #[must_use]
    pub fn could_keep(&self, source: &Source, category: Category, dates: &Dates, now: Timestamp) -> bool {
        let mut purposes = self.all_purposes().peekable();
        if purposes.peek().is_none() {
            return true;
        }
        let keepers = purposes.filter(|purpose| !purpose.own_access).map(|purpose| (purpose, true));
        Kept::until(keepers, source, category, dates).holds(now)
    }
}

/// What is kept by law is kept as a voucher or letter, not as a bare name.
#[must_use]
pub const fn is_voucher(held: CategorySet) -> bool {
    held.contains(Category::Commerce) || held.contains(Category::Financial)
}

/// Its period is the law's own, which each record carries.
fn keeps_by_law(purpose: &Purpose) -> bool {
    purpose.ground == Ground::LegalObligation && purpose.reads_retained
}

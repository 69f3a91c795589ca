//! Which law keeps a record, and until which day.

use jiff::civil::Date;

use super::Error;
use super::deadline::day_of;
use crate::types::{RecordKind, Timestamp};

/// The articles that keep a record of this type (Art. 17(3)(b) GDPR): vouchers eight years, business letters six.
pub(super) const fn statute(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Invoice | RecordKind::Payment => "§ 147(1) no. 4, (3) AO; § 257(1) no. 4, (4) HGB; § 14b UStG",
        _ => "§ 147(1) nos. 2, 3, (3) AO; § 257(1) nos. 2, 3, (4) HGB",
    }
}

/// The last day of a period that ends at the first moment of the next one.
pub(super) fn last_day(until: Timestamp) -> Result<Date, Error> {
    day_of(until.plus(-1))
}

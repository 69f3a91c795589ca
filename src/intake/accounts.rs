//! Which customer numbers several accounts of one source have: they are several people's, and join nobody.

use std::collections::HashMap;

use crate::store::rows::IdentifierRow;
use crate::types::{IdentifierKind, RecordNo};

/// The accounts under each customer number that would join.
#[derive(Default)]
pub(super) struct Accounts(Vec<([u8; 16], [u8; 16])>);

impl Accounts {
    /// Reads the rows of some records, all of each.
    pub(super) fn read(&mut self, rows: &[IdentifierRow]) {
        let joining = |kind: IdentifierKind| {
            let rows = rows.iter();
            let rows = rows.filter(move |row| row.kind == kind.number() && row.use_flags & IdentifierRow::JOINS != 0);
            rows.filter_map(|row| Some((row.record_no, <[u8; 16]>::try_from(row.ix.as_slice()).ok()?)))
        };
        let mut accounts: HashMap<RecordNo, [u8; 16]> = HashMap::new();
        for (record, account) in joining(IdentifierKind::Account) {
            // Of several the same one as when they arrived.
            let known = accounts.entry(record).or_insert(account);
            *known = account.min(*known);
        }
        let numbers = joining(IdentifierKind::CustomerNumber);
        self.0.extend(numbers.filter_map(|(record, number)| Some((number, *accounts.get(&record)?))));
    }

    /// The numbers that several have.
    pub(super) fn shared(mut self) -> Vec<[u8; 16]> {
        self.0.sort_unstable();
        self.0.dedup();
        let under = self.0.chunk_by(|(one, _), (other, _)| one == other);
        under.filter(|of| of.len() > 1).filter_map(|of| of.first()).map(|(number, _)| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SubjectId;

    fn row(ix: u8, record: i64, kind: IdentifierKind, use_flags: i16) -> IdentifierRow {
        let subject_id = SubjectId::from_slice(&[1; 16]).unwrap();
        let (ix, record_no, kind) = (vec![ix; 16], RecordNo(record), kind.number());
        IdentifierRow { ix, record_no, kind, subject_id, use_flags, behind: 0, whose: 0 }
    }

    #[test]
    fn a_number_is_shared_by_two_accounts_and_not_by_two_records_of_one() {
        use IdentifierKind::{Account, CustomerNumber};
        let joins = IdentifierRow::JOINS;
        let mut accounts = Accounts::default();
        // Two orders of one account, and one without.
        accounts.read(&[
            row(1, 1, CustomerNumber, joins),
            row(11, 1, Account, joins),
            row(1, 2, CustomerNumber, joins),
        ]);
        accounts.read(&[row(1, 3, CustomerNumber, joins), row(11, 3, Account, joins)]);
        // Another number of two accounts; one of which it joins nobody; and two accounts that one record tells.
        accounts.read(&[row(2, 4, CustomerNumber, joins), row(12, 4, Account, joins)]);
        accounts.read(&[row(13, 5, Account, joins), row(2, 5, CustomerNumber, joins)]);
        accounts.read(&[row(1, 6, CustomerNumber, 0), row(14, 6, Account, joins)]);
        accounts.read(&[row(1, 7, CustomerNumber, joins), row(15, 7, Account, joins), row(11, 7, Account, joins)]);
        assert_eq!(accounts.shared(), [[2; 16]]);
    }
}

//! What compares opens what is compared, and no record, no name of a record and no proof.

use obhut::store::rows::DataKeyRow;
use obhut::types::{Category, RecordNo};
use obhut::vault::Comparer;

fn peek(comparer: &Comparer, row: &DataKeyRow, packed: &[u8]) {
    let _kept = comparer.clone();
    let key = comparer.with_key(row).unwrap();
    key.open(RecordNo(1), Category::Contact, packed);
    key.open_all(RecordNo(1), packed);
    key.open_name(RecordNo(1), packed);
}

fn main() {}

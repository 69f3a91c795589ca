//! Intake puts in; it cannot take out.

use obhut::store::rows::DataKeyRow;
use obhut::types::{Category, RecordNo};
use obhut::vault::Sealer;

fn peek(sealer: &Sealer, key: &DataKeyRow, packed: &[u8]) {
    sealer.open(key, RecordNo(1), Category::Contact, packed);
    sealer.with_key(key).unwrap().open(RecordNo(1), Category::Contact, packed);
}

fn main() {}

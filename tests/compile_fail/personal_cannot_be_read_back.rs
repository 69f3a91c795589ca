//! What is personal once stays so: nothing leads back to the text.

use obhut::vault::Personal;

fn by_method(value: &Personal) -> &[u8] {
    value.bytes()
}

fn by_field(value: Personal) -> Vec<u8> {
    value.0.to_vec()
}

fn by_copy(value: &Personal) -> Personal {
    Clone::clone(value)
}

fn main() {}

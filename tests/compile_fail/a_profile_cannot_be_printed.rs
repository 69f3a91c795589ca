//! What a disclosure shows is as silent as itself.

use obhut::gateway::{DisclosedRecord, Disclosure};

fn log(disclosure: &Disclosure, record: &DisclosedRecord) {
    println!("{:?}", disclosure.profile());
    println!("{}", disclosure.profile());
    for (_, part) in record.parts() {
        println!("{part:?}");
    }
}

fn main() {}

//! A personal value does not go into a log.

use obhut::vault::Personal;

fn log(value: &Personal) {
    println!("{value}");
    println!("{value:?}");
}

fn main() {}

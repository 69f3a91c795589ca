//! A disclosure goes into a reply, never into a log.

use obhut::gateway::Disclosure;

fn log(disclosure: &Disclosure) {
    println!("{disclosure}");
    println!("{disclosure:?}");
}

fn main() {}

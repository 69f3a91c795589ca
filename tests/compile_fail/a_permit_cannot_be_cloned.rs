//! One permit, one read.

use obhut::gateway::Permit;

fn two(permit: Permit) -> (Permit, Permit) {
    (Clone::clone(&permit), permit)
}

fn main() {}

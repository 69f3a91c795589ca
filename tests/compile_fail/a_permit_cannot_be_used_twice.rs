//! Who uses a permit gives it away.

use obhut::gateway::Permit;

fn read(permit: Permit) {
    drop(permit);
}

fn handler(permit: Permit) {
    read(permit);
    read(permit);
}

fn main() {}

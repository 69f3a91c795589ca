//! There is one opener, and it has one owner.

use obhut::gateway::Gateway;
use obhut::vault::{Opener, Unlocked};

fn two(opener: Opener) -> (Opener, Opener) {
    (Clone::clone(&opener), opener)
}

fn keep_one(unlocked: Unlocked, gateway: impl Fn(Opener) -> Gateway) -> (Gateway, Opener) {
    (gateway(unlocked.opener), unlocked.opener)
}

fn main() {}

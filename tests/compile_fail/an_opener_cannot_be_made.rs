//! An opener comes from `vault::unlock` alone, and a sealer does not lead to one.

use obhut::vault::{Opener, Sealer};

fn from_a_sealer(sealer: Sealer) -> Opener {
    Opener { ring: sealer.ring, index: sealer.index }
}

fn main() {}

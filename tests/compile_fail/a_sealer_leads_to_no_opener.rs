//! What a sealer holds is nobody else's.

use obhut::vault::{Opener, Sealer};

fn from_a_sealer(sealer: Sealer) -> Opener {
    Opener { ring: sealer.ring, index: sealer.index }
}

fn main() {}

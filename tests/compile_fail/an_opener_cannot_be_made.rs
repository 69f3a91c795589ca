//! An opener comes from `vault::unlock` alone.

use std::sync::Arc;

use obhut::vault::{KekRing, Opener};

fn from_a_ring(ring: Arc<KekRing>) -> Opener {
    Opener { ring, index: panic!() }
}

fn main() {}

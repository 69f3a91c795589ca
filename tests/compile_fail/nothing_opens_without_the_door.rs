//! The gateway does not lend its opener, the door is nobody else's, and what was opened cannot be made up.

use obhut::gateway::Gateway;
use obhut::gateway::door::Door;
use obhut::vault::{Opened, Opener};

fn borrow(gateway: &Gateway) -> &Opener {
    &gateway.door.opener
}

fn ask(gateway: &Gateway) -> &Opener {
    gateway.opener()
}

fn make_up(bytes: Vec<u8>) -> Opened {
    Opened(bytes.into())
}

fn main() {}

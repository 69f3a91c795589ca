//! Outside the library what the door opened is only passed on.

use obhut::gateway::{Disclosed, Disclosure};
use serde_json::Value;

fn read(disclosure: &Disclosure, value: Disclosed<Value>) -> Value {
    let _ = disclosure.profile().look();
    let _ = value.0;
    disclosure.profile().take()
}

fn main() {}

//! A personal value does not go into a reply.

use obhut::vault::Personal;

fn reply(value: &Personal) -> String {
    serde_json::to_string(value).unwrap()
}

fn main() {}

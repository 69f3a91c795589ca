//! Only the door makes a disclosure.

use obhut::gateway::{Decision, DisclosedRecord, Disclosure};
use obhut::types::SubjectId;

fn by_constructor(subject: SubjectId, decision: Decision, records: Vec<DisclosedRecord>) -> Disclosure {
    Disclosure::new(subject, decision, records, None)
}

fn from_text(text: &str) -> Disclosure {
    serde_json::from_str(text).unwrap()
}

fn main() {}

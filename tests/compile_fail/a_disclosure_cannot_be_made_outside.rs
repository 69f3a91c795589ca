//! Only the door makes a disclosure.

use std::sync::Arc;

use obhut::consent::Survivorship;
use obhut::gateway::{Decision, DisclosedRecord, Disclosure};
use obhut::types::SubjectId;

type Rules = Arc<Survivorship>;

fn by_constructor(subject: SubjectId, decision: Decision, records: Vec<DisclosedRecord>, rules: Rules) -> Disclosure {
    Disclosure::new(subject, decision, records, rules, None)
}

fn from_text(text: &str) -> Disclosure {
    serde_json::from_str(text).unwrap()
}

fn main() {}

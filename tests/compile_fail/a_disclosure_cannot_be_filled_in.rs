//! Only the door makes a disclosure.

use std::sync::Arc;

use obhut::consent::Survivorship;
use obhut::gateway::{Decision, DisclosedRecord, Disclosure};
use obhut::types::SubjectId;

type Rules = Arc<Survivorship>;

fn by_fields(subject: SubjectId, decision: Decision, records: Vec<DisclosedRecord>, survivorship: Rules) -> Disclosure {
    Disclosure { subject, decision, records, survivorship, pseudonym: None, evidence: Default::default() }
}

fn exchanged(mut disclosure: Disclosure, other: Disclosure) -> Disclosure {
    disclosure = Disclosure { records: Vec::new(), ..other };
    disclosure
}

fn main() {}

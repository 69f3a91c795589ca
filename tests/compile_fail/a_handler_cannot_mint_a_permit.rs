//! A permit comes from `decide` alone.

use obhut::gateway::{Decision, Permit};
use obhut::types::SubjectId;

fn handler(subject: SubjectId, decision: Decision) -> Permit {
    Permit { subject, parts: vec![], not_before: None, reads_retained: true, own_access: true, decision }
}

fn main() {}

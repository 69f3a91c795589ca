//! What a segment delivers was disclosed.

use obhut::gateway::Disclosed;
use obhut::segments::Member;
use obhut::types::SubjectId;
use serde_json::{Map, Value};

fn make(subject_id: SubjectId, data: Map<String, Value>) -> Member {
    Member { subject_id, opt_out: None, data: Disclosed::new(data) }
}

fn main() {}

//! A receipt comes from a durable audit line alone.

use obhut::audit::Receipt;
use obhut::store::audit::Place;
use obhut::types::DecisionId;

fn without_a_line(decision: DecisionId, place: Place) -> Receipt {
    Receipt { decision, place }
}

fn main() {}

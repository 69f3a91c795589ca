//! The only door out: ask, decide, record, open.

mod ask;
mod decision;
mod permit;

pub use ask::{Actor, Ask, Caller, ReasonCode, Scope};
pub use decision::{Allowed, Decision, Outcome, Refused, Why};
pub use permit::{Gap, Permit, RecordFacts, Refusal, Verdict, decide};

#[cfg(test)]
mod tests;

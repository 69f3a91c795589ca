//! Questions over many people: who is in a segment, and pulling them page by page.
//!
//! A segment is a rule over records, bound to one purpose and channel. It only ever contains people whose standing
//! allows that purpose, because every evaluation and every delivery goes through the gateway's door under the caller's
//! own scope. This room must never keep who is in a segment, open anything itself, or answer a rule that asks for more
//! than its purpose may see. Read next: [`Rule`], then [`Segment`], then `pull`.

mod catalog;
mod path;
mod read;
mod rule;

pub use path::FieldPath;
pub use read::{Fault, MAX_DEPTH, MAX_LIST, MAX_NODES};
pub use rule::{
    AttributeTest, Birthday, Bounds, Condition, Events, Newsletter, OrderStatus, Orders, Phase, PhaseLimits, PhaseTest,
    Place, Reviews, Rule, Scalar, Since, SubscriptionStatus, Total,
};

//! What the hub does by itself: turning keys, finishing what was begun, forgetting what is due.
//!
//! One file per job. A job never holds a personal value: it works on rows and ids, and what it reads it reads at
//! the gateway like everybody else. Read next: [`rotate_keys`].

pub mod announce;
pub mod deliver_messages;
pub mod erase_at_vendors;
mod lease;
pub mod listen;
pub mod push_audience;
pub mod resolve_graph;
pub mod retention;
pub mod rotate_data;
pub mod rotate_keys;
pub mod schedule;
pub mod sync;
pub mod unsubscribe;

//! What breaks below a running hub, and what the hub may never do then: lose what it acknowledged, disclose without an
//! audit line, answer with an internal error, or need a restart where waiting is enough.
//!
//! Read first: `load`, which tells what "lost" means. `injector` is the disk that fails, `proxy` the wire that is cut.

mod audit_line;
mod damage;
mod disk;
mod erasure;
mod hang_ups;
mod injector;
mod load;
mod objection;
mod postgres;
mod proxy;
mod resolve;
mod take_back;

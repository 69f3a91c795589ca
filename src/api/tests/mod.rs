//! The endpoints over a real house, on each of the two databases.

mod batch;
mod collect;
mod hub;
mod intake;
mod ledger;
mod matching;
mod objecting;
mod opt_outs;
mod paging;
mod passed_on;
mod reading;
mod rectification;
mod regrouped;
mod requests;
mod reviews;
mod roles;
mod rules;
mod segments;
mod statements;
mod survivorship;
mod told_of_splits;
mod undone;
mod versions;
mod webhooks;
mod webhooks_of_each;
mod whole_state;

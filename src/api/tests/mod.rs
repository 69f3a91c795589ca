//! The endpoints over a real house, on each of the two databases.

mod batch;
mod collect;
mod hub;
mod intake;
mod ledger;
mod matching;
mod opt_outs;
mod paging;
mod passed_on;
mod reading;
mod rectification;
mod requests;
mod roles;
mod rules;
mod segments;
mod statements;
mod survivorship;
mod versions;
mod webhooks;
mod webhooks_of_each;
mod whole_state;

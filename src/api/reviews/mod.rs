//! `/v1/reviews`: pairs of records that may be of one person, for somebody to decide.

pub mod decide;
pub mod list;
pub mod show;

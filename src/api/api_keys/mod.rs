//! `/v1/api-keys`: who may call. A key is shown once; only a hash of its secret is kept.

pub mod issue;
pub mod list;
pub mod revoke;

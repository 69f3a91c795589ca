//! From bytes to typed fields, telling exactly what is wrong without repeating it.
//!
//! Two steps: [`tree`] reads the bytes and keeps the limits of form (size, depth, duplicate names, control
//! characters); [`decode`] fills the structs of `crate::intake::record` out of the tree. Both fail with a
//! [`super::Rejection`] of their own, because the errors of general JSON libraries repeat the values they refuse.
//! The structs are made of the types in [`field`], none of which can be printed.

mod decode;
pub mod field;
mod tree;

pub use decode::decode;
pub use tree::{MAX_BYTES, read};

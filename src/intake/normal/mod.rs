//! Normal forms: one way to write each value, so that equal things compare equal.
//!
//! One file per form, each built on a kept library where the rules are not ours. A form takes text that nobody
//! checked and returns either the normal form or a [`Reason`] that names the rule and never the value. Every form is
//! idempotent: the normal form of a normal form is itself. Nothing here stores, logs or prints what it reads.
//! Read next: [`crate::intake::record`], which applies the forms field by field.

pub mod address;
mod births;
pub mod country;
pub mod currency;
pub mod date;
pub mod email;
pub mod iban;
pub mod language;
pub mod money;
pub mod name;
pub mod phone;
pub mod placeholder;
mod reason;
pub mod text;
mod titles;

pub use reason::Reason;

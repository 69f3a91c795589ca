//! The way in: from JSON nobody has checked to canonical, sealed parts.
//!
//! [`normal`] knows how each kind of value is written. Read next: [`crate::vault`], which seals.

pub mod normal;

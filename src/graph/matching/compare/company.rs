//! Firms.

use super::near;
use crate::graph::matching::Level;

/// Compares two firms, written without their legal forms.
pub(in crate::graph::matching) fn companies(one: Option<&str>, other: Option<&str>) -> Option<Level> {
    let (one, other) = (one?, other?);
    let (a, b) = (one.replace(' ', ""), other.replace(' ', ""));
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    Some(if a == b {
        Level::Same
    } else if near::similar(&a, &b) || (short.len() >= 6 && long.starts_with(short.as_str())) {
        Level::Similar
    } else {
        Level::Different
    })
}

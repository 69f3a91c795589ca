//! Family names.

use super::near;
use crate::graph::matching::Level;

/// Compares two family names, given as words.
pub(in crate::graph::matching) fn families(one: &[String], other: &[String]) -> Option<Level> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let (a, b) = (one.concat(), other.concat());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    Some(if a == b {
        if a.chars().count() == 1 { Level::Initial } else { Level::Same }
    } else if short.chars().count() == 1 {
        if long.starts_with(short.as_str()) { Level::Initial } else { Level::Different }
    } else if near::numbered_apart(&a, &b) {
        Level::Different
    } else if part(one, other, |one, other| one == other) {
        Level::Part
    } else if near::similar(&a, &b) {
        Level::Similar
    } else if short.len() >= 4 && long.starts_with(short.as_str()) {
        Level::Initial
    } else if one.len() + other.len() > 2 && part(one, other, near::similar) {
        Level::Part
    } else {
        Level::Different
    })
}

/// Do they share one word of a double name?
fn part(one: &[String], other: &[String], same: impl Fn(&str, &str) -> bool) -> bool {
    one.iter().any(|one| one.len() >= 3 && other.iter().any(|other| same(one, other)))
}

/// A family name as one word, for counting.
pub(in crate::graph::matching) fn family_key(words: &[String]) -> String {
    words.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (one, other, level) in [
            ("muller", "muller", Level::Same),
            ("muller ludenscheidt", "muller", Level::Part),
            ("ludenscheidt", "muller ludenscheid", Level::Part),
            ("mullerludenscheidt", "muller ludenscheidt", Level::Same),
            ("meyer", "mair", Level::Similar),
            ("schmidt", "schmitt", Level::Similar),
            ("m", "muller", Level::Initial),
            ("musterm", "mustermannski", Level::Initial),
            ("muller", "schmidt", Level::Different),
            ("k", "muller", Level::Different),
            ("beispiel1", "beispiel12", Level::Different),
        ] {
            let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let (one, other) = (words(one), words(other));
            assert_eq!(families(&one, &other), Some(level), "for {one:?} and {other:?}");
            assert_eq!(families(&other, &one), Some(level));
        }
        assert_eq!(families(&[], &["muller".to_owned()]), None);
    }
}

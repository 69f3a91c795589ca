//! Short and pet forms of given names, from the table beside this file.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::names;
use crate::graph::matching::card::Sex;

/// In which lines of the table a name stands.
static LINES: LazyLock<HashMap<String, Vec<u16>>> = LazyLock::new(|| {
    let mut lines: HashMap<String, Vec<u16>> = HashMap::new();
    let names = include_str!("nicknames.txt").lines().filter(|line| !line.starts_with('#'));
    for (number, line) in (0u16..).zip(names) {
        for name in line.split_whitespace() {
            for spelling in names::spellings(&folded(name)) {
                let numbers = lines.entry(spelling).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
        }
    }
    lines
});

/// Whose name each line is, by the form that stands first.
static SEXES: LazyLock<Vec<Option<Sex>>> = LazyLock::new(|| {
    let names = include_str!("nicknames.txt").lines().filter(|line| !line.starts_with('#'));
    names.map(|line| line.split_whitespace().next().and_then(|name| names::sex(&folded(name)))).collect()
});

/// Is one of these names a short form of a man's name as well as of a woman's?
pub(in crate::graph::matching) fn is_either(names: &[String]) -> bool {
    names.iter().any(|name| is_of_both(name))
}

/// Is it a form of women's names and of men's: "Alex", "Chris", "Toni"?
fn is_of_both(name: &str) -> bool {
    let lines = LINES.get(name).map(Vec::as_slice).unwrap_or_default();
    let is = |sex: Sex| lines.iter().any(|line| SEXES.get(usize::from(*line)).is_some_and(|found| *found == Some(sex)));
    is(Sex::Female) && is(Sex::Male)
}

/// Is one a usual form of the other?
pub(super) fn same(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (LINES.get(one), LINES.get(other)) else { return false };
    one.iter().any(|line| other.contains(line))
}

/// As intake folds names: an e after a, o or u carries nothing.
pub(super) fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter != 'e' || !out.ends_with(['a', 'o', 'u']) {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_name() {
        for (one, other) in [
            ("josef", "sepp"),
            ("hans", "johannes"),
            ("michal", "michi"),
            ("jurgen", "jurgi"),
            ("elisabeth", "lisa"),
            ("katharina", "kathi"),
            ("wilhelm", "willi"),
            ("william", "bill"),
            ("katarina", "katrin"),
        ] {
            assert!(same(one, other) && same(other, one), "{one} {other}");
        }
        for (one, other) in [("josef", "hans"), ("anna", "lisa"), ("max", "paul"), ("unheard", "unheard")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn forms_of_names_of_both() {
        for (name, both) in
            [("alex", true), ("chris", true), ("michi", true), ("sepp", false), ("susi", false), ("anna", false)]
        {
            assert_eq!(is_of_both(name), both, "for {name}");
        }
    }

    #[test]
    fn the_table_is_folded_to_plain_letters() {
        assert!(LINES.keys().all(|name| name.bytes().all(|b| b.is_ascii_lowercase())));
    }
}

//! Given names that many people have, from the table beside this file: whose they are, and how one name is spelt.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::nicknames::folded;
use crate::graph::matching::card::Sex;

/// What is known of a name.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// None: women and men have it.
    sex: Option<Sex>,
    /// One number for all spellings of one name.
    name: u16,
}

static NAMES: LazyLock<HashMap<String, Known>> = LazyLock::new(|| {
    let mut names: HashMap<String, Known> = HashMap::new();
    let lines = include_str!("names.txt").lines().filter(|line| !line.starts_with('#'));
    let mut number = 0;
    for line in lines {
        let mut words = line.split_whitespace();
        let sex = match words.next() {
            Some("f") => Some(Sex::Female),
            Some("m") => Some(Sex::Male),
            _ => None,
        };
        for spellings in words {
            number += 1;
            let spellings: Vec<String> = spellings.split('/').map(folded).collect();
            // A spelling may stand on its own as well, or beside another of the same name.
            let name = spellings.iter().find_map(|name| names.get(name)).map_or(number, |known| known.name);
            for spelling in spellings {
                let known = names.entry(spelling).or_insert(Known { sex, name });
                known.sex = known.sex.filter(|known| Some(*known) == sex);
            }
        }
    }
    names
});

/// All spellings of a name, itself among them.
pub(super) fn spellings(name: &str) -> Vec<String> {
    match known(name) {
        Some(one) => NAMES.iter().filter(|(_, other)| one.is_spelt(**other)).map(|(name, _)| name.clone()).collect(),
        None => vec![name.to_owned()],
    }
}

/// What is known of a name, if it is in the table.
pub(super) fn known(name: &str) -> Option<Known> {
    NAMES.get(name).copied()
}

/// What a given name says of whoever has it.
pub(in crate::graph::matching) fn sex(name: &str) -> Option<Sex> {
    known(name).and_then(|known| known.sex)
}

impl Known {
    /// Two spellings of one name?
    pub(super) fn is_spelt(self, other: Self) -> bool {
        self.name == other.name
    }

    /// Is one a woman's and the other a man's?
    pub(super) fn is_opposite(self, other: Self) -> bool {
        self.sex.zip(other.sex).is_some_and(|(one, other)| one != other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_folded_to_plain_letters() {
        assert!(NAMES.len() > 1_200, "{}", NAMES.len());
        assert!(NAMES.keys().all(|name| name.bytes().all(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn whose_a_name_is() {
        for (name, expected) in [
            ("anna", Some(Sex::Female)),
            ("jurgen", Some(Sex::Male)),
            ("michal", Some(Sex::Male)),
            ("kim", None),
            ("mehmet", Some(Sex::Male)),
            ("ayse", Some(Sex::Female)),
            ("zwirnhilde", None),
        ] {
            assert!(sex(name) == expected, "{name}");
        }
    }

    #[test]
    fn one_name_in_several_spellings() {
        let spelt = |one, other| known(one).unwrap().is_spelt(known(other).unwrap());
        for (one, other) in [
            ("katrin", "cathrin"),
            ("philipp", "filip"),
            ("jannik", "yannick"),
            ("charlotte", "karlotta"),
            ("mehmet", "muhammet"),
            ("jasmin", "yasmin"),
            ("maria", "marie"),
            ("luise", "luisa"),
            ("helene", "helena"),
            ("regine", "regina"),
            ("gunter", "gunther"),
        ] {
            assert!(spelt(one, other), "{one} {other}");
        }
        for (one, other) in [("peter", "petra"), ("jens", "jonas"), ("karin", "katrin"), ("franz", "frank")] {
            assert!(!spelt(one, other), "{one} {other}");
        }
    }
}

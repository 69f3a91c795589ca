//! Titles and forms of address in names, and the given names that look like them.
//!
//! "phil." behind "Dr." says what somebody is a doctor of; Phil Weber is called so.

use super::name::{fold, folded_part};

/// The folded words of a name without the titles they begin with. Of what was `written` at least so many words stay as far as one of
/// the titles may be a name.
pub(super) fn without(written: &str, mut words: Vec<String>, least: usize) -> Vec<String> {
    let mut titles = 0;
    for word in &words {
        if !(is_title(word) || (titles > 0 && is_field(word))) {
            break;
        }
        titles += 1;
    }
    let kept = words.split_off(titles);
    match words.pop().filter(|last| kept.len() < least && is_field(last) && is_named(written.split_whitespace(), last))
    {
        Some(name) => [vec![name], kept].concat(),
        None => kept,
    }
}

/// The words of a full name, folded, without the titles in it, wherever they stand. A word that folds to several stays one.
pub(super) fn without_any(words: &[&str]) -> Vec<String> {
    let (mut parts, mut behind_title, mut name): (Vec<String>, bool, Option<(usize, String)>) =
        (Vec::new(), false, None);
    for word in words {
        match folded_part(word) {
            None => behind_title |= fold(word).split(' ').any(is_title),
            Some(field) if behind_title && is_field(&field) => {
                name = Some((parts.len(), field)).filter(|(_, field)| is_named([*word].into_iter(), field)).or(name);
            }
            Some(part) => {
                parts.push(part);
                behind_title = false;
            }
        }
    }
    if let Some((at, name)) = name.filter(|_| parts.len() == 1) {
        parts.insert(at, name);
    }
    parts
}

/// Is it written as a name is, with a capital and without a full stop?
fn is_named<'a>(mut words: impl Iterator<Item = &'a str>, name: &str) -> bool {
    words.any(|word| word.starts_with(char::is_uppercase) && word.to_lowercase() == name)
}

fn is_title(word: &str) -> bool {
    const TITLES: &[&str] = &[
        "dipl",
        "doktor",
        "dr",
        "fam",
        "familie",
        "fr",
        "frau",
        "fraulin",
        "habil",
        "hc",
        "herr",
        "herrn",
        "hr",
        "ing",
        "kfm",
        "mag",
        "mr",
        "mrs",
        "ms",
        "prof",
        "professor",
        "rer",
        "sir",
        "univ",
    ];
    TITLES.contains(&word)
}

/// Behind a title what it was given for, and else a name.
fn is_field(word: &str) -> bool {
    matches!(word, "jur" | "med" | "nat" | "phil")
}

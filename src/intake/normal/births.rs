//! Surnames of before a marriage, where a name tells them: "Anna Müller geb. Schmidt".

/// Parts the folded words of a name: those somebody is called by now, and the surname of before or beside.
pub(super) fn parted(mut words: Vec<String>) -> (Vec<String>, Vec<String>) {
    // Something stands before it and behind it: alone it may be a name.
    let last = words.len().saturating_sub(1);
    let Some(at) = words.iter().take(last).skip(1).position(|word| is_mark(word)) else { return (words, Vec::new()) };
    let mut before = words.split_off(at + 1);
    before.retain(|word| !is_mark(word));
    (words, before)
}

/// "geb.", "née", "verh.": a surname of before stands behind it, or that of a spouse.
pub(super) fn is_mark(folded: &str) -> bool {
    matches!(
        folded.trim(),
        "geb"
            | "geborene"
            | "geborener"
            | "geborne"
            | "nee"
            | "verh"
            | "verheiratet"
            | "verheiratete"
            | "verw"
            | "verwitwete"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surname_of_before() {
        let parted = |text: &str| {
            let (own, before) = parted(text.split(' ').map(str::to_owned).collect());
            (own.join(" "), before.join(" "))
        };
        for (text, own, before) in [
            ("anna muller geb schmidt", "anna muller", "schmidt"),
            ("muller nee schmidt verw kunz", "muller", "schmidt kunz"),
            ("geb schmidt", "geb schmidt", ""),
            ("watchman nee", "watchman nee", ""),
            ("anna muller", "anna muller", ""),
            ("", "", ""),
        ] {
            assert_eq!(parted(text), (own.to_owned(), before.to_owned()), "for {text}");
        }
    }
}

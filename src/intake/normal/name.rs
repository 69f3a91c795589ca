//! Names of people: as they are shown, and folded into one key.

use std::iter::once;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Reason, births, text, titles};

/// Longest name in characters.
pub const MAX: usize = 200;

/// A name as it is shown: NFC, single blanks, otherwise as the person writes it.
///
/// # Errors
/// `invalid_name` if it is empty, longer than [`MAX`], or holds control or direction characters.
pub fn normal(written: &str) -> Result<String, Reason> {
    // A tab or line break between two words is a blank; any other control character is no part of a name.
    let bad = |c: char| (c.is_control() && !c.is_whitespace()) || text::turns_direction(c);
    if written.len() > 8 * MAX || written.contains(bad) {
        return Err(Reason::INVALID_NAME);
    }
    let name = text::collapsed(&text::composed(written));
    if name.is_empty() || name.chars().count() > MAX || name.contains('\u{85}') {
        return Err(Reason::INVALID_NAME);
    }
    Ok(name)
}

/// The full name as a key: "Dr. Jörg Weiß", "WEISS, JOERG" and "jorg weiß" have the same one.
///
/// Letters are decomposed (NFKD) and lose their marks; `ä`, `ae` and `a` are one, `ß` is `ss`; case, punctuation and
/// leading titles go, and so does a surname of before ("geb. Weiß"); "family name, given name" is turned round; text that was
/// decoded with the wrong character set is repaired first. A key of one word names nobody, so there is none.
#[must_use]
pub fn folded_full(written: &str) -> Option<String> {
    let repaired = repair(written);
    let written = repaired.as_deref().unwrap_or(written);
    let pieces = pieces(written);
    let own = |piece: &str, least| titles::without(piece, births::parted(folded_words(piece)).0, least);
    let turned = match pieces.as_slice() {
        [family, given] => [own(given, 1), own(family, 1)].concat(),
        _ => own(&pieces.join(" "), 2),
    };
    let kept = titles::without("", births::parted(turned).0, 0);
    (kept.len() > 1).then(|| kept.join(" "))
}

/// A given name, a firm or a town as a key: repaired, folded, without titles. None if nothing is left.
#[must_use]
pub fn folded_part(written: &str) -> Option<String> {
    let repaired = repair(written);
    let written = repaired.as_deref().unwrap_or(written);
    let words = titles::without(written, folded_words(written), 1);
    (!words.is_empty()).then(|| words.join(" "))
}

/// A family name as a key: as [`folded_part`], and a surname of before ("Müller geb. Weiß") stands behind it like the second of a
/// double name.
#[must_use]
pub fn folded_family(written: &str) -> Option<String> {
    let (own, before) = births::parted(folded_part(written)?.split(' ').map(str::to_owned).collect());
    Some([own, before].concat().join(" "))
}

/// A full name as two keys, given and family name: "Weiß, Jörg", "Dr. Jörg Weiß". Without a comma the last word, however
/// many hyphens it has, is the family name. One word alone is a given name. A surname of before stands behind the family name.
#[must_use]
pub fn folded_halves(written: &str) -> (Option<String>, Option<String>) {
    let repaired = repair(written);
    let written = repaired.as_deref().unwrap_or(written);
    let pieces = pieces(written);
    if let [family, given] = pieces.as_slice()
        && let (Some(given), Some(family)) = (folded_part(given), folded_family(family))
    {
        let (given, before) = births::parted(given.split(' ').map(str::to_owned).collect());
        return (Some(given.join(" ")), Some([vec![family], before].concat().join(" ")));
    }
    let words: Vec<&str> = pieces.iter().flat_map(|piece| piece.split_whitespace()).collect();
    let (mut parts, before) = births::parted(titles::without_any(&words));
    let suffix = parts.iter().rev().take_while(|part| is_generation(part)).count();
    let mut behind = parts.split_off(parts.len() - suffix);
    behind.extend(before);
    match parts.split_last() {
        Some((family, given)) if !given.is_empty() => {
            (Some(given.join(" ")), Some([std::slice::from_ref(family), &behind].concat().join(" ")))
        }
        // Whose own surname is not told: what is known of it stands behind "geb.".
        Some((given, _)) if behind.len() > suffix => (Some(given.clone()), Some(behind.join(" "))),
        _ => {
            parts.extend(behind);
            ((!parts.is_empty()).then(|| parts.join(" ")), None)
        }
    }
}

/// The pieces of a name between its commas, without degrees: "Weiß, Karl, M.A." has two, "Karl Weiß, jun." one.
fn pieces(written: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for piece in written.split(',') {
        let mut words: Vec<&str> = piece.split_whitespace().collect();
        // Not the whole of a name in capitals: "MA" may be one.
        while words.last().is_some_and(|word| is_degree(word)) && (words.len() > 1 || !pieces.is_empty()) {
            words.pop();
        }
        let generation =
            !words.is_empty() && words.iter().all(|word| folded_part(word).is_some_and(|word| is_generation(&word)));
        let before = words.first().is_some_and(|word| births::is_mark(&fold(word))) && words.len() > 1;
        match pieces.last_mut().filter(|_| generation || before) {
            Some(last) => *last = format!("{last} {}", words.join(" ")),
            None if words.is_empty() => {}
            None => pieces.push(words.join(" ")),
        }
    }
    pieces
}

fn is_generation(folded: &str) -> bool {
    matches!(folded, "jun" | "sen" | "jr" | "sr" | "junior" | "senior")
}

/// "M.A.", "MBA", "PhD": behind a name. Small letters without a full stop are somebody's name.
fn is_degree(word: &str) -> bool {
    const DEGREES: &[&str] = &[
        "ba", "bsc", "beng", "llb", "ma", "msc", "meng", "mba", "llm", "mphil", "phd", "mag", "magfh", "dr", "dipling",
    ];
    let letters: String = word.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let marked = word.contains('.') || word.chars().skip(1).any(char::is_uppercase);
    marked && DEGREES.contains(&letters.as_str())
}

/// One folded word per run of letters and digits.
fn folded_words(written: &str) -> Vec<String> {
    fold(written).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Letters without marks and case, separators as blanks. Also the fold of streets and towns.
#[must_use]
pub fn fold(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    for c in written.chars() {
        if c.is_ascii() {
            // It is composed of nothing.
            fold_into(&mut out, c.to_ascii_lowercase());
        } else {
            // Marks are dropped, so that their order decides nothing and each letter can be taken apart by itself.
            once(c).nfkd().flat_map(char::to_lowercase).nfkd().for_each(|c| fold_into(&mut out, c));
        }
    }
    out
}

fn fold_into(out: &mut String, c: char) {
    match c {
        'ß' => out.push_str("ss"),
        'ø' => out.push('o'),
        'æ' => out.push('a'),
        'œ' => out.push('o'),
        'ł' => out.push('l'),
        'đ' | 'ð' => out.push('d'),
        'ı' => out.push('i'),
        'þ' => out.push_str("th"),
        // "ae" is how an "ä" is typed on a foreign keyboard: an e after a, o or u carries nothing.
        'e' if out.ends_with(['a', 'o', 'u']) => {}
        '\'' | '’' | '‘' | '`' | '´' => {}
        c if is_combining_mark(c) => {}
        c if c.is_alphanumeric() => out.push(c),
        _ => out.push(' '),
    }
}

/// UTF-8 that somebody read as Windows-1252 ("JÃ¶rg") is turned back.
fn repair(written: &str) -> Option<String> {
    if !written.contains(['Ã', 'Â', 'Å', 'Ä']) {
        return None;
    }
    let bytes: Option<Vec<u8>> = written.chars().map(windows_1252).collect();
    String::from_utf8(bytes?).ok().filter(|text| text.chars().any(|c| !c.is_ascii() && !c.is_control()))
}

/// The byte of a character in Windows-1252.
fn windows_1252(c: char) -> Option<u8> {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match u32::from(c) {
        code @ (0..=0x7f | 0xa0..=0xff) => u8::try_from(code).ok(),
        _ => HIGH.iter().position(|high| *high == c).and_then(|place| u8::try_from(0x80 + place).ok()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_shown() {
        assert_eq!(normal("  Jo\u{308}rg \t Weiß "), Ok("Jörg Weiß".to_owned()));
        assert_eq!(normal("von der Leyen"), Ok("von der Leyen".to_owned()));
        assert_eq!(normal("王小明"), Ok("王小明".to_owned()));
        for bad in ["", "   ", "Max\0", "Max\u{1b}[1m", "Max\u{202e}xaM", &"x".repeat(201), &"x".repeat(10_000_000)] {
            assert_eq!(normal(bad), Err(Reason::INVALID_NAME));
        }
        assert_eq!(normal(&"ä".repeat(200)).map(|name| name.chars().count()), Ok(200));
    }

    #[test]
    fn one_person_in_many_spellings() {
        for written in [
            "Jörg Weiß",
            "JÖRG WEISS",
            "Joerg Weiss",
            "Jorg Weiß",
            "Weiß, Jörg",
            "WEISS,JOERG",
            "Dr. Jörg Weiß",
            "Prof. Dr. med. Jörg Weiß",
            "Weiß, Dr. Jörg",
            "Herr Jörg Weiß",
            "Jo\u{308}rg  Weiß",
            "JÃ¶rg WeiÃŸ",
            "Dr. Weiß, Jörg",
            "Jörg Weiß, M.Sc.",
            "Weiß, Jörg, MBA",
        ] {
            assert_eq!(folded_full(written).as_deref(), Some("jorg weiss"), "for {written}");
        }
        for written in ["Phil Weber", "Weber, Phil", "Dr. Phil Weber", "Dr. phil. Phil Weber", "PHIL WEBER"] {
            assert_eq!(folded_full(written).as_deref(), Some("phil weber"), "for {written}");
        }
        for written in [
            "Anna Müller, geb. Schmidt",
            "Anna Müller (geb. Schmidt)",
            "Müller geb. Schmidt, Anna",
            "Anna Müller née Schmidt",
        ] {
            assert_eq!(folded_full(written).as_deref(), Some("anna muller"), "for {written}");
        }
        assert_eq!(folded_full("Anna Müller-Lüdenscheidt").as_deref(), Some("anna muller ludenscheidt"));
        assert_eq!(folded_full("Sean O’Neil").as_deref(), Some("sean oneil"));
        assert_eq!(folded_full("Łukasz Øster").as_deref(), Some("lukasz oster"));
        assert_eq!(folded_full("Åsa Ärlig").as_deref(), Some("asa arlig"));
    }

    #[test]
    fn names_in_halves() {
        for (written, given, family) in [
            ("Jörg Weiß", Some("jorg"), Some("weiss")),
            ("Weiß, Dr. Jörg", Some("jorg"), Some("weiss")),
            ("Prof. Dr. Hans-Peter Müller-Lüdenscheidt", Some("hans peter"), Some("muller ludenscheidt")),
            ("Karl Weiß jun.", Some("karl"), Some("weiss jun")),
            ("Karl Weiß, jun.", Some("karl"), Some("weiss jun")),
            ("Weiß, Karl, M.A.", Some("karl"), Some("weiss")),
            ("Karl Weiß, MBA", Some("karl"), Some("weiss")),
            ("Karl Weiß PhD", Some("karl"), Some("weiss")),
            ("Dr. Karl Weiß LL.M.", Some("karl"), Some("weiss")),
            ("Weiß, M.A.", Some("weiss"), None),
            ("Nguyen, Ma", Some("ma"), Some("nguyen")),
            ("JÃ¶rg WeiÃŸ", Some("jorg"), Some("weiss")),
            ("Anna", Some("anna"), None),
            ("Phil Weber", Some("phil"), Some("weber")),
            ("Weber, Phil", Some("phil"), Some("weber")),
            ("Dr. Phil Weber", Some("phil"), Some("weber")),
            ("Dr. phil. Karl Weber", Some("karl"), Some("weber")),
            ("Dr. rer. nat. Nat Weber", Some("nat"), Some("weber")),
            ("Dr.phil. Karl Weber", Some("karl"), Some("weber")),
            ("DR MED KARL WEBER", Some("karl"), Some("weber")),
            ("Med Berger", Some("med"), Some("berger")),
            ("Karl Dr. med. Weber", Some("karl"), Some("weber")),
            ("Anna Müller geb. Schmidt", Some("anna"), Some("muller schmidt")),
            ("Anna Müller, geb. Schmidt", Some("anna"), Some("muller schmidt")),
            ("Anna Müller (geborene Schmidt)", Some("anna"), Some("muller schmidt")),
            ("Müller, Anna, geb. Schmidt", Some("anna"), Some("muller schmidt")),
            ("Müller geb. Schmidt, Anna", Some("anna"), Some("muller schmidt")),
            ("Anna Schmidt verh. Müller", Some("anna"), Some("schmidt muller")),
            ("Anna Müller née Schmidt", Some("anna"), Some("muller schmidt")),
            ("Anna geb. Schmidt", Some("anna"), Some("schmidt")),
            ("Max Born", Some("max"), Some("born")),
            ("Watchman Nee", Some("watchman"), Some("nee")),
            ("Dr.", None, None),
            ("", None, None),
        ] {
            assert_eq!(folded_halves(written), (given.map(str::to_owned), family.map(str::to_owned)), "for {written}");
        }
        assert_eq!(folded_part("Dr. Jörg"), Some("jorg".to_owned()));
        assert_eq!(folded_part(" - "), None);
        assert_eq!(folded_part("Phil"), Some("phil".to_owned()));
        assert_eq!(folded_part("Dr. Phil"), Some("phil".to_owned()));
        assert_eq!(folded_part("Dr. phil."), None);
        assert_eq!(folded_part("Dr. med. Karl"), Some("karl".to_owned()));
        assert_eq!(folded_family("Müller, geb. Schmidt"), Some("muller schmidt".to_owned()));
        assert_eq!(folded_family("Müller-Lüdenscheidt"), Some("muller ludenscheidt".to_owned()));
        assert_eq!(folded_family("Dr."), None);
    }

    #[test]
    fn one_word_names_nobody() {
        for written in ["", "Max", "Herr Weiß", "Dr.", ", ", "Frau Dr. Weiß"] {
            assert_eq!(folded_full(written), None, "for {written}");
        }
    }

    proptest! {
        #[test]
        fn letters_fold_alone_as_they_fold_together(text in "\\PC{0,30}|[a-zäöüßÃA-Z\u{300}-\u{330}ﬁÅ., '-]{0,30}") {
            let mut together = String::new();
            text.nfkd().flat_map(char::to_lowercase).nfkd().for_each(|c| fold_into(&mut together, c));
            prop_assert_eq!(fold(&text), together);
        }

        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,40}|[a-zäöüßÃA-Z., '-]{0,30}") {
            if let Ok(once) = normal(&text) {
                prop_assert_eq!(normal(&once), Ok(once));
            }
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
            if let Some(key) = folded_full(&text) {
                prop_assert_eq!(folded_full(&key), Some(key));
            }
        }
    }
}

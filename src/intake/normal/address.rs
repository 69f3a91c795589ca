//! Postal addresses: street and house number apart, postal codes in full, and a key to compare streets.

use super::{Reason, name};
use crate::graph::matching::written_out;

/// Splits "Musterstraße 12a" into street and house number. Without a number at the end, the whole text is the street.
///
/// Only what starts with a digit and stands last is a house number ("12a", "12 a", "12-14", "12/3", "12 1/2"), so
/// "Straße des 17. Juni 135" is split at 135 and "Platz des 18. März" is not split. The number may stand without a blank
/// ("Hauptstr.12"), or behind "Nr.".
#[must_use]
pub fn split(line: &str) -> (String, Option<String>) {
    let line = super::text::collapsed(line);
    let words: Vec<&str> = line.split(' ').collect();
    // The number may be written in up to three words ("12 a", "12 - 14"); the longest reading wins.
    for count in (1..=3_usize).rev() {
        let Some(at) = words.len().checked_sub(count).filter(|at| *at > 0) else { continue };
        let (street, number) = words.split_at(at);
        let number = number.join(" ");
        let numbered =
            street.last().is_some_and(|word| word.ends_with(|c: char| c.is_alphabetic() || c == '.' || c == ','));
        if numbered && is_house_number(&number) {
            let mut street = street;
            while let [before @ .., word] = street
                && !before.is_empty()
                && is_number_word(word)
            {
                street = before;
            }
            return (street.join(" ").trim_end_matches(',').to_owned(), Some(house_number(&number)));
        }
    }
    match grown_together(&line) {
        Some((street, number)) => split(&format!("{street} {number}")),
        None => (line, None),
    }
}

/// "Nr." before a house number.
fn is_number_word(word: &str) -> bool {
    matches!(word.to_lowercase().trim_end_matches('.'), "nr" | "no" | "nummer" | "hausnr" | "hausnummer")
}

/// "Hauptstr.12", "Gartenweg3a": the number stands behind a word or a full stop without a blank.
fn grown_together(line: &str) -> Option<(&str, &str)> {
    let word = line.rsplit(' ').next()?;
    let start = line.len() - word.len();
    let digit = word.find(|c: char| c.is_ascii_digit())?;
    let (street, number) = line.split_at_checked(start + digit)?;
    let written = word.get(..digit)?;
    let letters = written.strip_suffix('.').unwrap_or(written);
    let long = letters.chars().count() >= 3 && letters.chars().all(|c| c.is_alphabetic() || c == '-');
    (long && letters.ends_with(char::is_alphabetic) && is_house_number(number)).then_some((street, number))
}

/// The street and house number of a line, to compare it: without floor, staircase and flat, and without whom it goes by.
#[must_use]
pub fn compared(line: &str) -> (String, Option<String>) {
    const BY: &[&str] = &["c/o", "z.hd.", "zhd", "zu händen"];
    let pieces: Vec<&str> = line.split([',', ';', '(']).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    let by = |piece: &&str| BY.iter().any(|word| piece.to_lowercase().starts_with(word));
    let own: Vec<&str> = pieces.into_iter().filter(|piece| !by(piece)).collect();
    for count in 1..=own.len() {
        let joined = own.get(..count).unwrap_or_default().join(", ");
        let (street, number) = split(without_floor(&joined));
        if number.is_some() {
            return (street, number);
        }
    }
    (without_floor(own.first().copied().unwrap_or(line)).to_owned(), None)
}

/// A line up to where it begins to say in which part of the house somebody lives.
fn without_floor(line: &str) -> &str {
    const INSIDE: &[&str] = &[
        "hinterhaus",
        "hinterhof",
        "vorderhaus",
        "seitenflügel",
        "gartenhaus",
        "quergebäude",
        "hh",
        "vh",
        "whg",
        "wohnung",
        "apartment",
        "app",
        "appartement",
        "etage",
        "og",
        "eg",
        "dg",
        "ug",
        "stock",
        "stockwerk",
        "erdgeschoss",
        "dachgeschoss",
        "obergeschoss",
        "aufgang",
        "treppe",
        "top",
        "stiege",
        "tür",
        "zimmer",
        "c/o",
        "links",
        "rechts",
    ];
    let mut starts = Vec::new();
    let mut at = 0;
    for word in line.split(' ') {
        let plain = word.trim_end_matches(['.', ',', ')']).to_lowercase();
        if starts.len() > 1 && INSIDE.contains(&plain.as_str()) {
            // "3. OG": the floor's number goes with it, the house's stays.
            let floor = starts.last().copied().filter(|start| {
                let before = line.get(*start..at).unwrap_or_default().trim();
                before.ends_with('.') && before.starts_with(|c: char| c.is_ascii_digit())
            });
            let house = line.get(..floor.unwrap_or(at)).unwrap_or(line).trim_end().trim_end_matches([',', ' ']);
            // Without a house before it the word is the street's: "An der Stiege 5".
            if split(house).1.is_some() {
                return house;
            }
        }
        starts.push(at);
        at += word.len() + 1;
    }
    line
}

/// A house number as stored: single blanks none, letters lower-case ("12 A" is "12a").
#[must_use]
pub fn house_number(written: &str) -> String {
    let number: String = written.chars().filter(|c| !c.is_whitespace()).collect();
    if is_house_number(&number) { number.to_lowercase() } else { super::text::collapsed(written) }
}

/// Reads a postal code of a country (ISO alpha-2; none means unknown). German codes have five digits: one that lost
/// its leading zero in a spreadsheet gets it back.
///
/// # Errors
/// `invalid_postal_code`.
pub fn postal_code(written: &str, country: Option<&str>) -> Result<String, Reason> {
    let code = super::text::collapsed(&written.to_uppercase());
    let code = ["D-", "DE-", "A-", "AT-", "CH-"].iter().find_map(|prefix| code.strip_prefix(prefix)).unwrap_or(&code);
    let digits = !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
    let plain = code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-');
    match country {
        Some("DE") if digits && (4..=5).contains(&code.len()) => Ok(format!("{code:0>5}")),
        Some("AT" | "CH" | "LI" | "LU" | "BE" | "DK") if digits && code.len() == 4 => Ok(code.to_owned()),
        Some("FR" | "IT" | "ES" | "FI") if digits && (4..=5).contains(&code.len()) => Ok(format!("{code:0>5}")),
        Some("DE" | "AT" | "CH" | "LI" | "LU" | "BE" | "DK" | "FR" | "IT" | "ES" | "FI") => {
            Err(Reason::INVALID_POSTAL_CODE)
        }
        _ if plain && (2..=12).contains(&code.len()) => Ok(code.to_owned()),
        _ => Err(Reason::INVALID_POSTAL_CODE),
    }
}

/// A street as a key: "Musterstraße", "Muster-Str." and "MUSTERSTRASSE" have the same one, and so have "Straße der Einheit" and "Str. der
/// Einheit".
#[must_use]
pub fn folded_street(street: &str) -> String {
    let words = name::fold(street);
    let words = words.trim_start().strip_prefix("str ").map_or(words.clone(), |rest| format!("strasse {rest}"));
    // Folded again once the words have grown together, so that a key folds to itself.
    let folded = name::fold(&words.replace(' ', ""));
    // It ends in "str" and begins with "strasse", as the matching keys of what is stored have it.
    let folded = written_out(&folded).unwrap_or(folded);
    folded.strip_suffix("strasse").map(|start| format!("{start}str")).unwrap_or(folded)
}

/// Digits first, then at most letters and the signs between numbers.
fn is_house_number(text: &str) -> bool {
    let mut letters = 0;
    text.len() <= 12
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| {
            letters = if c.is_ascii_alphabetic() { letters + 1 } else { 0 };
            letters <= 1 && (c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '/' | '+' | '–'))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn streets_and_numbers() {
        for (line, street, number) in [
            ("Musterstraße 12a", "Musterstraße", Some("12a")),
            ("Musterstraße 12 A", "Musterstraße", Some("12a")),
            ("Musterstr. 12", "Musterstr.", Some("12")),
            ("Musterstraße 12-14", "Musterstraße", Some("12-14")),
            ("Musterstraße 12 - 14", "Musterstraße", Some("12-14")),
            ("Am Alten Markt, 3/2", "Am Alten Markt", Some("3/2")),
            ("Straße des 17. Juni 135", "Straße des 17. Juni", Some("135")),
            ("Platz des 18. März", "Platz des 18. März", None),
            ("Unter  den Linden", "Unter den Linden", None),
            ("Packstation 123", "Packstation", Some("123")),
            ("12", "12", None),
            ("Hauptstr.12", "Hauptstr.", Some("12")),
            ("Hauptstraße12a", "Hauptstraße", Some("12a")),
            ("Lange Gasse3", "Lange Gasse", Some("3")),
            ("Hauptstraße Nr. 12", "Hauptstraße", Some("12")),
            ("Nr. 12", "Nr.", Some("12")),
            ("Q7", "Q7", None),
            ("Hauptstr. 12, 3. OG", "Hauptstr. 12, 3. OG", None),
        ] {
            assert_eq!(split(line), (street.to_owned(), number.map(str::to_owned)), "for {line}");
        }
    }

    #[test]
    fn what_of_a_line_is_compared() {
        for (line, street, number) in [
            ("Hauptstr. 12, 3. OG", "Hauptstr.", Some("12")),
            ("Hauptstr. 12 3. OG links", "Hauptstr.", Some("12")),
            ("Hauptstr. 12 Hinterhaus", "Hauptstr.", Some("12")),
            ("Hauptstr. 12, Whg 4", "Hauptstr.", Some("12")),
            ("Hauptstr. 12 a (Hinterhaus)", "Hauptstr.", Some("12a")),
            ("c/o Müller, Hauptstr. 12", "Hauptstr.", Some("12")),
            ("Hauptstr. 12, c/o Müller", "Hauptstr.", Some("12")),
            ("Am Alten Markt, 3/2", "Am Alten Markt", Some("3/2")),
            ("Straße des 17. Juni 135", "Straße des 17. Juni", Some("135")),
            ("An der Stiege 5", "An der Stiege", Some("5")),
            ("Hauptstraße", "Hauptstraße", None),
            ("", "", None),
        ] {
            assert_eq!(compared(line), (street.to_owned(), number.map(str::to_owned)), "for {line}");
        }
    }

    #[test]
    fn postal_codes() {
        for (written, country, expected) in [
            ("10115", Some("DE"), Ok("10115")),
            ("1067", Some("DE"), Ok("01067")),
            ("D-10115", Some("DE"), Ok("10115")),
            (" 1010 ", Some("AT"), Ok("1010")),
            ("A-1010", Some("AT"), Ok("1010")),
            ("1234 ab", Some("NL"), Ok("1234 AB")),
            ("SW1A  1AA", Some("GB"), Ok("SW1A 1AA")),
            ("1067", None, Ok("1067")),
            ("101155", Some("DE"), Err(Reason::INVALID_POSTAL_CODE)),
            ("ABCDE", Some("DE"), Err(Reason::INVALID_POSTAL_CODE)),
            ("10115", Some("AT"), Err(Reason::INVALID_POSTAL_CODE)),
            ("", None, Err(Reason::INVALID_POSTAL_CODE)),
            ("<script>", None, Err(Reason::INVALID_POSTAL_CODE)),
        ] {
            assert_eq!(postal_code(written, country).as_deref(), expected.as_ref().copied(), "for {written}");
        }
    }

    #[test]
    fn one_street_in_many_spellings() {
        for street in ["Musterstraße", "MUSTERSTRASSE", "Muster-Str.", "Muster Straße", "musterstr"] {
            assert_eq!(folded_street(street), "musterstr", "for {street}");
        }
        for street in
            ["Straße der Einheit", "Str. der Einheit", "STRASSE DER EINHEIT", "Str.der Einheit", "Str der Einheit"]
        {
            assert_eq!(folded_street(street), "strassedereinheit", "for {street}");
        }
        assert_eq!(folded_street("Str. am Park"), folded_street("Straße am Park"));
        assert_eq!((folded_street("Strandweg"), folded_street("Str.")), ("strandweg".to_owned(), "str".to_owned()));
        assert_eq!(folded_street("Straße"), "str");
        assert_eq!(folded_street("Straße Asse"), folded_street(&folded_street("Straße Asse")));
        assert_eq!(folded_street("Königsallee"), folded_street("Koenigsallee"));
        assert_eq!(folded_street("ä.e"), "a");
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,30}|[A-Za-zäß. ]{1,12} [0-9]{1,3} ?[a-z]?") {
            let (street, number) = split(&text);
            if let Some(number) = number {
                prop_assert_eq!(house_number(&number), number.clone());
                prop_assert_eq!(split(&format!("{street} {number}")), (street.clone(), Some(number)));
            }
            for country in [None, Some("DE"), Some("AT")] {
                if let Ok(once) = postal_code(&text, country) {
                    prop_assert_eq!(postal_code(&once, country), Ok(once));
                }
            }
            let key = folded_street(&street);
            prop_assert_eq!(folded_street(&key), key);
        }
    }
}

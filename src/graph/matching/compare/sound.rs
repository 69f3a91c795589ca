//! Kölner Phonetik: German words that sound alike have the same code.
//!
//! Hans Joachim Postel, "Die Kölner Phonetik", IBM-Nachrichten 19 (1969), pp. 925–931. Codes are digits; equal neighbours
//! are one, and the vowels' 0 stays at the beginning only.

/// The code of a folded word. Signs that are no letters of the Latin alphabet are passed over.
pub(in crate::graph::matching) fn code(word: &str) -> String {
    let letters: Vec<u8> = word.bytes().filter(u8::is_ascii_lowercase).collect();
    let mut out = String::with_capacity(letters.len());
    let mut last = 0;
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
        let after = letters.get(at + 1).copied();
        for digit in digits(*letter, before, after).bytes() {
            if digit != last && (digit != b'0' || out.is_empty()) {
                out.push(char::from(digit));
            }
            last = digit;
        }
    }
    out
}

/// Do two words sound alike? A code of one consonant says nothing.
pub(super) fn same(one: &str, other: &str) -> bool {
    let code = code(one);
    code.trim_start_matches('0').len() >= 2 && code == self::code(other)
}

fn digits(letter: u8, before: Option<u8>, after: Option<u8>) -> &'static str {
    let after_is = |set: &[u8]| after.is_some_and(|after| set.contains(&after));
    let before_is = |set: &[u8]| before.is_some_and(|before| set.contains(&before));
    match letter {
        b'a' | b'e' | b'i' | b'j' | b'o' | b'u' | b'y' => "0",
        b'p' if after_is(b"h") => "3",
        b'b' | b'p' => "1",
        b'd' | b't' if after_is(b"csz") => "8",
        b'd' | b't' => "2",
        b'f' | b'v' | b'w' => "3",
        b'g' | b'k' | b'q' => "4",
        b'c' if before.is_none() => {
            if after_is(b"ahkloqrux") {
                "4"
            } else {
                "8"
            }
        }
        b'c' if before_is(b"sz") => "8",
        b'c' => {
            if after_is(b"ahkoqux") {
                "4"
            } else {
                "8"
            }
        }
        b'x' if before_is(b"ckq") => "8",
        b'x' => "48",
        b'l' => "5",
        b'm' | b'n' => "6",
        b'r' => "7",
        b's' | b'z' => "8",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_paper() {
        for (word, expected) in [
            ("mullerludenscheidt", "65752682"),
            ("wikipedia", "3412"),
            ("breschnew", "17863"),
            ("heinz", "068"),
            ("meyer", "67"),
            ("maier", "67"),
            ("schmidt", "862"),
            ("", ""),
        ] {
            assert_eq!(code(word), expected, "for {word}");
        }
    }

    #[test]
    fn names_that_sound_alike() {
        for (one, other) in [("meyer", "mair"), ("schmidt", "schmitt"), ("philipp", "filip"), ("walther", "walter")] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("muller", "maier"), ("ali", "eli"), ("", "")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}

//! Values people type to get past a form. They say nothing about who somebody is, so they identify nobody.

use super::email::Email;
use crate::graph::matching::nobody;

/// Words for "nothing", as they stand in required fields.
#[must_use]
pub fn is_nothing(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "-",
        "--",
        "---",
        ".",
        "..",
        "...",
        "?",
        "??",
        "0",
        "n/a",
        "na",
        "n.a.",
        "n. a.",
        "k.a.",
        "k. a.",
        "keine",
        "kein",
        "keine angabe",
        "none",
        "null",
        "nil",
        "undefined",
        "unknown",
        "unbekannt",
        "nicht angegeben",
        "nicht vorhanden",
        "not available",
        "tbd",
        "xxx",
        "xxxx",
        "asdf",
    ];
    let text = text.trim();
    text.len() <= 20 && WORDS.contains(&text.to_lowercase().as_str())
}

/// An address nobody reads, or one that was made up.
#[must_use]
pub fn is_email(email: &Email) -> bool {
    nobody::is_mailbox(email.local(), email.domain())
}

/// The name a system gives to whoever has none, or nobody has, as it is folded.
#[must_use]
pub fn is_full_name(folded: &str) -> bool {
    nobody::is_full_name(folded)
}

/// A phone number of one repeated digit, or of digits in a row.
#[must_use]
pub fn is_phone(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
    let significant = |skip: &[u8]| {
        let rest = digits.strip_prefix(skip).unwrap_or(&digits);
        let rest = rest.strip_prefix(b"0").filter(|rest| !rest.is_empty()).unwrap_or(rest);
        rest.len() >= 3 && (alike(rest) || rising(rest))
    };
    significant(b"") || significant(b"49") || significant(b"0049")
}

fn alike(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| matches!(pair, [a, b] if a == b))
}

fn rising(digits: &[u8]) -> bool {
    digits.len() >= 6
        && digits.windows(2).all(|pair| matches!(pair, [a, b] if *b == *a + 1 || (*a == b'9' && *b == b'0')))
}

/// An id of zeros or of a word for nothing, or the one all guests have.
#[must_use]
pub fn is_id(text: &str) -> bool {
    const GUESTS: &[&str] = &["gast", "guest", "anonym", "anonymous"];
    is_nothing(text)
        || text.trim().bytes().all(|b| b == b'0' || b == b'-')
        || GUESTS.contains(&text.trim().to_lowercase().as_str())
}

/// A word in place of a customer number under which books and tills keep everybody who has none.
#[must_use]
pub fn is_customer_number(text: &str) -> bool {
    const COLLECTIVE: &[&str] = &[
        "barkunde",
        "barkunden",
        "barverkauf",
        "bar",
        "cash",
        "cpd",
        "default",
        "div",
        "divers",
        "diverse",
        "dummy",
        "einmalkunde",
        "endkunde",
        "gastkunde",
        "gastbestellung",
        "kasse",
        "kassenkunde",
        "laufkunde",
        "laufkunden",
        "laufkundschaft",
        "onlinekunde",
        "pos",
        "privat",
        "privatkunde",
        "sammeldebitor",
        "sammelkonto",
        "sammelkunde",
        "standard",
        "standardkunde",
        "test",
        "testkunde",
        "verschiedene",
        "walkin",
    ];
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    is_id(text) || COLLECTIVE.contains(&letters.as_str())
}

/// A customer number of nines alone, as books keep one for everybody who has none. It may be somebody's own all the same.
#[must_use]
pub fn is_all_nines(text: &str) -> bool {
    let signs = || text.chars().filter(|sign| sign.is_alphanumeric());
    signs().count() >= 5 && signs().all(|sign| sign == '9')
}

#[cfg(test)]
mod tests {
    use super::super::email;
    use super::*;

    #[test]
    fn made_up_addresses() {
        for written in [
            "test@test.de",
            "TEST@test.com",
            "noreply@example.de",
            "a@a.de",
            "asdf@asdf.com",
            "x@y.invalid",
            "geloescht@teeladen.de",
            "deleted@teeladen.de",
        ] {
            assert!(is_email(&email::normal(written).unwrap()), "for {written}");
        }
        for written in
            ["max@example.de", "test.peter@example.de", "anna@anna.de", "max@test-shop.de", "test@example.de"]
        {
            assert!(!is_email(&email::normal(written).unwrap()), "for {written}");
        }
    }

    #[test]
    fn made_up_numbers() {
        for written in ["0000000000", "+49 000000", "0123456789", "1234567890", "+49 123456789", "1111111", "00000"] {
            assert!(is_phone(written), "for {written}");
        }
        for written in ["030 901820", "+491712345678", "0171 1111112", ""] {
            assert!(!is_phone(written), "for {written}");
        }
    }

    #[test]
    fn names_of_nobody() {
        for name in [
            "facebook user",
            "amazon customer",
            "gast kunde",
            "kunde gast",
            "geloschter nutzer",
            "max mustermann",
            "test person",
            "test kaufer",
            "guest user",
            "marketplace kunde",
            "konto inhaber",
            "gast gast",
        ] {
            assert!(is_full_name(name), "for {name}");
        }
        for name in ["otto kunde", "anna gast", "kim user", "facebook", "anna kunde", "karl weiss"] {
            assert!(!is_full_name(name), "for {name}");
        }
    }

    #[test]
    fn words_for_nothing() {
        for written in ["n/a", "N/A", " - ", "keine", "Unbekannt", "k.A."] {
            assert!(is_nothing(written), "for {written}");
        }
        assert!(is_id("0000"));
        assert!(is_id("00000000-0000-0000-0000-000000000000"));
        for written in ["Max", "10023", "na klar"] {
            assert!(!is_nothing(written) && !is_id(written), "for {written}");
        }
        for written in ["GAST", "Guest", "0", "00000"] {
            assert!(is_id(written) && is_customer_number(written), "for {written}");
        }
        for written in ["Diverse", "Sammelkunde", "CASH", "Barverkauf", "CPD"] {
            assert!(is_customer_number(written), "for {written}");
        }
        for written in ["10023", "99998", "K-0", "CASH4711", "BAR12", "9999", "Gasthof Weiss"] {
            assert!(!is_customer_number(written) && !is_all_nines(written), "for {written}");
        }
        assert!(is_all_nines("99999") && is_all_nines("999-999") && !is_customer_number("99999"));
        assert!(!is_all_nines("99999Ä") && !is_all_nines("K99999"));
    }
}

//! Spelling: how far two words are apart.

use super::sound;

/// The same word but for a typing error or the sound. Short words have no room for errors.
pub(super) fn similar(one: &str, other: &str) -> bool {
    let shorter = one.len().min(other.len());
    if shorter < 3 || one.len().abs_diff(other.len()) > 3 || numbered_apart(one, other) {
        return false;
    }
    if shorter == 3 {
        return one.len() == other.len() && transposed(one, other);
    }
    let errors = if shorter >= 7 { 2 } else { 1 };
    strsim::osa_distance(one, other) <= errors
        || strsim::jaro_winkler(one, other) >= 0.925
        || (one.as_bytes().first() == other.as_bytes().first() && sound::same(one, other))
}

/// Two letters beside each other changed places, and nothing else.
fn transposed(one: &str, other: &str) -> bool {
    strsim::osa_distance(one, other) == 1 && strsim::hamming(one, other) == Ok(2)
}

/// At most one sign is wrong, missing or has changed places with its neighbour.
pub(super) fn one_error(one: &str, other: &str) -> bool {
    one.len().abs_diff(other.len()) <= 1 && strsim::osa_distance(one, other) <= 1
}

/// Two long numbers of which one sign is wrong, or two beside each other changed places. Those that follow each other closely were
/// given out one after the other, to a couple perhaps.
pub(super) fn one_slip(one: &str, other: &str) -> bool {
    const LONG: usize = 7;
    if one.len() != other.len() || one.len() < LONG || strsim::osa_distance(one, other) != 1 {
        return false;
    }
    let counted = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    counted(one).zip(counted(other)).is_none_or(|(one, other)| one.abs_diff(other) > 2)
}

/// Both have numbers in them, and not the same: `hans83` and `hans84` were told apart on purpose.
pub(super) fn numbered_apart(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    let (one, other) = (digits(one), digits(other));
    !one.is_empty() && !other.is_empty() && one != other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_long_number() {
        for (one, other) in [("6718834", "6718384"), ("K-1004711", "K-1034711"), ("AB12345678", "AB12845678")] {
            assert!(one_slip(one, other) && one_slip(other, one), "{one} {other}");
        }
        // The same, given out one after the other, too short, two signs, one more.
        for (one, other) in [
            ("6718834", "6718834"),
            ("6718834", "6718835"),
            ("6718839", "6718837"),
            ("671883", "671833"),
            ("6718834", "6728844"),
            ("6718834", "67188344"),
        ] {
            assert!(!one_slip(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_numbered_differently_is_not_misspelt() {
        assert!(similar("schmidt", "schmitt") && similar("schm1dt", "schmidt") && similar("meyer83", "mayer83"));
        assert!(!similar("beispiel7", "beispiel8") && !similar("beispiel1", "beispiel12"));
        assert!(numbered_apart("hans83", "hans84") && !numbered_apart("hans83", "hans"));
    }
}

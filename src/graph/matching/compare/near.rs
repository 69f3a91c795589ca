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
    fn what_is_numbered_differently_is_not_misspelt() {
        assert!(similar("schmidt", "schmitt") && similar("schm1dt", "schmidt") && similar("meyer83", "mayer83"));
        assert!(!similar("beispiel7", "beispiel8") && !similar("beispiel1", "beispiel12"));
        assert!(numbered_apart("hans83", "hans84") && !numbered_apart("hans83", "hans"));
    }
}

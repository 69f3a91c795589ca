//! Plain texts: one line, or several.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::Reason;

/// One line: NFC, outer blanks removed, no control characters, at most `max` characters.
///
/// # Errors
/// `empty`, `too_long`, `control_character`.
pub fn line(text: &str, max: usize) -> Result<String, Reason> {
    if text.chars().any(char::is_control) {
        return Err(Reason::CONTROL_CHARACTER);
    }
    bounded(text, max)
}

/// Several lines: as [`line()`], but line ends (written `\n`) and tabs stay.
///
/// # Errors
/// `empty`, `too_long`, `control_character`.
pub fn lines(text: &str, max: usize) -> Result<String, Reason> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
        return Err(Reason::CONTROL_CHARACTER);
    }
    if text.contains('\r') {
        return bounded(&text.replace("\r\n", "\n").replace('\r', "\n"), max);
    }
    bounded(text, max)
}

/// The text in NFC. Mostly it is so already, and then nothing is copied.
#[must_use]
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Blanks of any kind become one space, outer ones go.
#[must_use]
pub fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Characters that turn the direction of writing: in a name they serve only to deceive the reader.
#[must_use]
pub fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn bounded(text: &str, max: usize) -> Result<String, Reason> {
    // Bytes first: the composition below must not be made to work on a huge text.
    if text.len() > max.saturating_mul(4) {
        return Err(Reason::TOO_LONG);
    }
    let composed = composed(text);
    let trimmed = composed.trim();
    if trimmed.is_empty() {
        return Err(Reason::EMPTY);
    }
    if trimmed.chars().count() > max {
        return Err(Reason::TOO_LONG);
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_texts() {
        assert_eq!(line("  Gro\u{308}ße M ", 20), Ok("Größe M".to_owned()));
        assert_eq!(line("a\nb", 20), Err(Reason::CONTROL_CHARACTER));
        assert_eq!(line("a\0b", 20), Err(Reason::CONTROL_CHARACTER));
        assert_eq!(line(" \u{a0} ", 20), Err(Reason::EMPTY));
        assert_eq!(line("ääää", 3), Err(Reason::TOO_LONG));
        assert_eq!(lines("a\r\nb\tc\rd", 20), Ok("a\nb\tc\nd".to_owned()));
        assert_eq!(lines("a\u{1b}[31m", 20), Err(Reason::CONTROL_CHARACTER));
        assert_eq!(collapsed(" a \u{a0}\n b "), "a b");
    }
}

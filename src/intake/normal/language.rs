//! Language tags (BCP 47): language and, where given, region.

use super::Reason;

/// Reads `de`, `DE`, `de_DE` or `de-at` as `de`, `de`, `de-DE`, `de-AT`.
///
/// # Errors
/// `invalid_language` for other shapes; whether a language of that code exists is not checked.
pub fn normal(text: &str) -> Result<String, Reason> {
    let text = text.trim();
    let (language, region) = text.split_once(['-', '_']).map_or((text, None), |(left, right)| (left, Some(right)));
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    if !(2..=3).contains(&language.len()) || !letters(language) {
        return Err(Reason::INVALID_LANGUAGE);
    }
    let language = language.to_ascii_lowercase();
    match region {
        None => Ok(language),
        Some(region) if region.len() == 2 && letters(region) => {
            Ok(format!("{language}-{}", region.to_ascii_uppercase()))
        }
        Some(_) => Err(Reason::INVALID_LANGUAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        for (written, tag) in [("de", "de"), ("DE", "de"), ("de_DE", "de-DE"), (" de-at ", "de-AT")] {
            assert_eq!(normal(written).as_deref(), Ok(tag));
        }
        for bad in ["", "d", "deutsch", "de-", "de-DEU", "d3", "äö", "de_DE_x"] {
            assert_eq!(normal(bad), Err(Reason::INVALID_LANGUAGE), "for {bad}");
        }
    }
}

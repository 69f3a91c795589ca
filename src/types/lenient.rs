//! [`read_json`]: JSON of somebody else's, read also where one value in it is none.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// What a file of UTF-8 may begin with.
const ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads JSON. Programs cut texts in the middle of a character, write bytes of another encoding, line breaks inside of texts and
/// numbers that no number holds: one such value must not make everything else unreadable. Only what is no JSON as it stands is looked
/// at again. Then U+FFFD stands where a character is torn, and a number that is too large is a text; what is cut off stays unreadable.
///
/// # Errors
/// If it is no JSON all the same: what is wrong with it as it stands.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes).or_else(|error| serde_json::from_slice(mended(bytes).as_bytes()).map_err(|_| error))
}

/// The same text with every value readable. What stands between values is left as it is.
fn mended(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.strip_prefix(ORDER_MARK).unwrap_or(bytes));
    let (mut rest, mut inside) = (&*text, false);
    let mut mended = String::with_capacity(rest.len());
    while let Some(first) = rest.chars().next() {
        let (length, written) = match (inside, first) {
            (_, '"') => {
                inside = !inside;
                (1, None)
            }
            (true, '\\') => escape(rest),
            (true, '\0'..='\x1f') => (1, Some(Cow::Owned(format!("\\u{:04x}", u32::from(first))))),
            (true, _) => (until(rest, |one| matches!(one, '"' | '\\' | '\0'..='\x1f')), None),
            (false, '-' | '0'..='9') => number(rest),
            (false, _) => (until(rest, |one| matches!(one, '"' | '-' | '0'..='9')), None),
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        mended.push_str(written.as_deref().unwrap_or(piece));
        rest = after;
    }
    mended
}

/// Bytes before the first character like this.
fn until(text: &str, like: impl Fn(char) -> bool) -> usize {
    text.find(like).unwrap_or(text.len())
}

/// How long the escape is that a text begins with, and what is written in its place: half of a pair of surrogates is no character.
fn escape(text: &str) -> (usize, Option<Cow<'static, str>>) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
        (Some(0xd800..=0xdfff), _) => (6, Some(Cow::Borrowed("\\ufffd"))),
        (Some(_), _) => (6, None),
        (None, _) => (1 + text.chars().nth(1).map_or(0, char::len_utf8), None),
    }
}

/// How long the number is that a text begins with, and the text that stands for it if no number holds it.
fn number(text: &str) -> (usize, Option<Cow<'static, str>>) {
    let length = until(text, |one| !matches!(one, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
    let written = text.get(..length).unwrap_or(text);
    let is_beyond = written.parse::<f64>().is_ok_and(f64::is_infinite);
    (length, is_beyond.then(|| Cow::Owned(format!("\"{written}\""))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_value_that_is_no_json_leaves_the_others_readable() {
        let cases: [(&[u8], Value); 8] = [
            (br#"{"a": "Hallo \ud83d", "b": 1}"#, json!({"a": "Hallo \u{fffd}", "b": 1})),
            (
                br#"["\ude00", "\ud83d\ud83d\ude00", "\ud83dx\\ud83d"]"#,
                json!(["\u{fffd}", "\u{fffd}😀", "\u{fffd}x\\ud83d"]),
            ),
            (b"[\"M\xfcller\", \"M\xc3\xbcller\"]", json!(["M\u{fffd}ller", "Müller"])),
            (b"\xef\xbb\xbf{\"a\": 1}", json!({"a": 1})),
            (b"[1e400, -1E+400, 0.1, 1e9]", json!(["1e400", "-1E+400", 0.1, 1e9])),
            (b"{\"a\": \"two\nlines\tand \x01\", \"b\": [\n1]}", json!({"a": "two\nlines\tand \u{1}", "b": [1]})),
            (br#"["1e400 \"quoted\" \\", 1e400]"#, json!(["1e400 \"quoted\" \\", "1e400"])),
            (b"{\"\\ud800\": 1e999, \"b\": true}", json!({"\u{fffd}": "1e999", "b": true})),
        ];
        for (bytes, wanted) in cases {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(read_json::<Value>(bytes).unwrap_or_default(), wanted, "{shown}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_json_stays_unreadable() {
        let no_json: [&[u8]; 9] = [
            b"",
            b"<h1>Welcome</h1>",
            b"{\"a\": \"\\ud83d",
            b"[1e400",
            b"[1-2]",
            b"\"\\",
            b"\"\\u12",
            b"[1,]",
            b"\"\\\xff\"",
        ];
        for bytes in no_json {
            assert!(read_json::<Value>(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        let told = read_json::<Value>(b"{\"a\": 1e400,\n \"b\" 2}").unwrap_err();
        assert_eq!(told.line(), 1, "of the text as it came");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), text in r#"[\["\\udef0-9e+. ]{0,40}"#) {
            let _ = read_json::<Value>(&bytes);
            let _ = read_json::<Value>(text.as_bytes());
        }

        #[test]
        fn what_is_json_is_read_as_it_stands(texts in prop::collection::vec(any::<String>(), 0..4), number in any::<f64>()) {
            let written = json!({"texts": texts, "number": number}).to_string();
            prop_assert_eq!(mended(written.as_bytes()), written);
        }
    }
}

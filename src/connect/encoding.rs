//! Windows-1252: what spreadsheets and accounting programs on Windows write.

/// Characters from 80 to 9F (WHATWG index, without the five unassigned places); the others are those of Latin-1.
const HIGH: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Reads a text. None if a byte stands for nothing.
pub(super) fn windows_1252(bytes: &[u8]) -> Option<String> {
    let read = |byte: &u8| match byte {
        0x80..=0x9f => HIGH.get(usize::from(byte - 0x80)).copied().filter(|character| *character != '\0'),
        _ => Some(char::from(*byte)),
    };
    bytes.iter().map(read).collect()
}

/// Writes a text. The error is the first character that has no place in it.
pub(super) fn to_windows_1252(text: &str) -> Result<Vec<u8>, char> {
    let write = |character: char| match u32::from(character) {
        code @ (0..=0x7f | 0xa0..=0xff) => u8::try_from(code).map_err(|_| character),
        _ => {
            let place = HIGH.iter().position(|high| *high == character && character != '\0').ok_or(character)?;
            u8::try_from(0x80 + place).map_err(|_| character)
        }
    };
    text.chars().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for byte in 0..=u8::MAX {
            if let Some(text) = windows_1252(&[byte]) {
                assert_eq!(to_windows_1252(&text), Ok(vec![byte]), "{byte:x}");
            }
        }
        assert_eq!(to_windows_1252("Öl – 5 €"), Ok(b"\xd6l \x96 5 \x80".to_vec()));
        assert_eq!(to_windows_1252("Łódź"), Err('Ł'));
        assert_eq!(windows_1252(b"\x81"), None);
    }
}

//! [`Personal`]: a value that goes in and cannot come out.

use std::io::Write;

use zeroize::Zeroizing;

/// Personal data on its way to being indexed or sealed.
///
/// It has no `Debug`, `Display`, `Serialize`, `Clone` or accessor: once a value is `Personal`, only the ciphers of
/// this room see it. The bytes are wiped when it is dropped.
pub struct Personal(Zeroizing<Vec<u8>>);

impl Personal {
    /// Takes a text in its normal form.
    #[must_use]
    pub fn text(value: String) -> Self {
        Self(Zeroizing::new(value.into_bytes()))
    }

    /// Takes a document: the JSON object of one category of one record.
    ///
    /// # Errors
    /// If the value cannot be written as JSON.
    pub fn document(value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        let mut paper = Paper(Zeroizing::new(Vec::with_capacity(1024)));
        serde_json::to_writer(&mut paper, value)?;
        Ok(Self(paper.0))
    }

    /// Takes bytes in a form of their own, such as a card of matching.
    #[must_use]
    pub const fn closed(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Length in bytes, for limits and metrics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::vault) fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub(in crate::vault) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A buffer that leaves no clear bytes behind when it grows: the old room is wiped.
struct Paper(Zeroizing<Vec<u8>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Personal: Clone, Copy, std::fmt::Debug, std::fmt::Display, serde::Serialize);

    #[test]
    fn a_document_longer_than_the_first_buffer_is_written_whole() {
        let text = "ä".repeat(5_000);
        let document = Personal::document(&serde_json::json!({ "note": text })).unwrap();
        assert_eq!(document.bytes(), serde_json::to_vec(&serde_json::json!({ "note": text })).unwrap());
    }
}

//! [`Personal`]: a value that goes in and cannot come out.

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
        serde_json::to_vec(value).map(|bytes| Self(Zeroizing::new(bytes)))
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

    pub(in crate::vault) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

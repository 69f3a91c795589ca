//! [`Disclosed`]: a value out of a disclosure, on its way into a reply. Trusted: only the gateway makes one.

use serde::{Serialize, Serializer};

/// A personal value that the door opened, cut out of a [`super::Disclosure`]. It serialises into a reply; it cannot be
/// printed, copied or made elsewhere, and outside this library it cannot be looked into.
///
/// Inside, `look`, `cut` and `take` do; clippy refuses each call that does not say why.
pub struct Disclosed<T>(T);

impl<T> Disclosed<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, to work with it.
    pub(crate) const fn look(&self) -> &T {
        &self.0
    }

    /// A part of it, or none; it stays disclosed.
    pub(crate) fn cut<U>(self, part: impl FnOnce(T) -> Option<U>) -> Option<Disclosed<U>> {
        part(self.0).map(Disclosed)
    }

    /// The value itself, for a computation that shows none of it.
    pub(crate) fn take(self) -> T {
        self.0
    }

    /// A value that no door opened.
    #[cfg(test)]
    pub(crate) const fn of_a_test(value: T) -> Self {
        Self(value)
    }
}

impl<T: Serialize> Serialize for Disclosed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(
        Disclosed<String>: Clone, Copy, Default, std::fmt::Debug, std::fmt::Display, std::ops::Deref<Target = String>,
        AsRef<String>, serde::de::DeserializeOwned
    );
}

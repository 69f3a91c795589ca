//! The environment, read once.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::Error;
use super::layer::{Layer, names, variable};

/// What the environment said when the process started. It can hold the root key, so it is never printed.
#[derive(Default)]
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

/// The variable that holds the root key when `root_key_from = "env"`.
pub(super) const ROOT_KEY: &str = "OBHUT_ROOT_KEY";
/// Where systemd puts credentials.
pub(super) const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn of_this_process() -> Self {
        Self::from_pairs(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// An environment made of pairs. Names that do not concern the hub are dropped.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = pairs.into_iter().filter(|(name, _)| name.starts_with("OBHUT_") || name == CREDENTIALS);
        Self(ours.map(|(name, value)| (name, Zeroizing::new(value))).collect())
    }

    /// The settings it gives. An empty variable gives none.
    pub(super) fn layer(&self) -> Result<Layer, Error> {
        let mut layer = Layer::default();
        for setting in names() {
            let name = variable(&setting);
            if let Some(value) = self.value(&name) {
                let one = Layer::one(&setting, value);
                let one =
                    one.map_err(|_| Error::Variable { name, reason: "the value does not have the right form" })?;
                layer = one.over(layer);
            }
        }
        Ok(layer)
    }

    /// A value that is not empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A sentence for each variable that looks like ours and is none. `OBHUT_TEST_…` belongs to the tests.
    pub(super) fn unknown(&self) -> impl Iterator<Item = String> {
        let mut known: Vec<_> = names().iter().map(|name| variable(name)).collect();
        known.extend([ROOT_KEY, CREDENTIALS].map(str::to_owned));
        let unknown = self.0.keys().filter(move |name| !known.contains(name) && !name.starts_with("OBHUT_TEST_"));
        unknown.map(|name| format!("environment variable {name} is none of ours and was ignored"))
    }
}

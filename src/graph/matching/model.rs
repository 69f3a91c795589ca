//! [`Model`]: what each agreement is worth.

/// Weights in bits, versioned.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its version; stored with every link.
    pub version: u32,
}

/// A model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is not written as a model is.
    #[error("the matching model is not well-formed TOML of a model")]
    Form(#[source] toml::de::Error),
    /// A weight or threshold makes no sense.
    #[error("the matching model is implausible: {0}")]
    Implausible(&'static str),
}

impl Model {
    /// The model the hub ships with, trained on nothing personal.
    #[must_use]
    pub fn shipped() -> Self {
        Self { version: 1 }
    }

    /// Reads a model.
    ///
    /// # Errors
    /// If it is no model.
    pub fn from_toml(text: &str) -> Result<Self, ModelError> {
        toml::from_str(text).map_err(ModelError::Form)
    }

    /// Writes it, so that [`Model::from_toml`] reads the same.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

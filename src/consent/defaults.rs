//! The purposes a German online merchant starts with.

use serde::Deserialize;

use super::{Problem, Purpose};

/// The embedded purposes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefaultsError {
    /// The file cannot be read.
    #[error("the default purposes cannot be read")]
    Unreadable(#[source] toml::de::Error),
    /// A purpose lacks something.
    #[error("a default purpose is incomplete")]
    Incomplete(Vec<Problem>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    purpose: Vec<Purpose>,
}

/// The default purposes, checked.
///
/// # Errors
/// If the embedded file is broken; a test keeps that from happening.
pub fn purposes() -> Result<Vec<Purpose>, DefaultsError> {
    let file: File = toml::from_str(include_str!("defaults.toml")).map_err(DefaultsError::Unreadable)?;
    for purpose in &file.purpose {
        purpose.validate().map_err(DefaultsError::Incomplete)?;
    }
    Ok(file.purpose)
}

//! `/v1/sources`: configured instances of connectors, with the terms their data comes under.

pub mod add;
pub mod list;

use serde::Serialize;
use utoipa::ToSchema;

use crate::consent::{Source, Terms};

/// A configured source.
#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceView {
    /// Its code, as records name it.
    code: String,
    /// What the merchant calls it.
    title: String,
    /// Which connector it is an instance of.
    connector: String,
    /// The terms its data comes under.
    terms: Terms,
}

impl From<&Source> for SourceView {
    fn from(source: &Source) -> Self {
        let Source { code, title, connector, terms, .. } = source.clone();
        Self { code, title, connector, terms }
    }
}

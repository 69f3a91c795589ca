//! What can go wrong. No text here carries a value of the data: only places, field names and words of the manifest.

use std::fmt;

/// A connector could not be loaded. The message names the file and the place in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A manifest or mapping file does not say what it must say.
    #[error("{file}:{line}:{column}: {message}")]
    Manifest {
        /// The file, relative to the directory of the connectors.
        file: String,
        /// Line, from 1; 0 if the whole file is meant.
        line: usize,
        /// Column, from 1; 0 if the whole file is meant.
        column: usize,
        /// What is wrong and what to write instead.
        message: String,
    },
    /// A jq filter does not compile.
    #[error("{file}, filter `{filter}`, line {line} of the filter, column {column}: {message}")]
    Filter {
        /// The file the filter stands in.
        file: String,
        /// Which filter, such as `streams.orders.records`.
        filter: String,
        /// Line within the filter, from 1.
        line: usize,
        /// Column within the filter, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A file of a connector could not be read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder has the name of a connector that is known already.
    #[error(
        "{directory} holds a connector `{name}`, and there is one of that name already; give the folder another name"
    )]
    Clash {
        /// The name.
        name: String,
        /// Where the second one lies.
        directory: String,
    },
    /// A filter yields what its manifest does not list: nothing of that stream would come in.
    #[error("{0}")]
    Unlisted(String),
    /// No connector has this name.
    #[error("there is no connector `{name}`; known are {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// All names.
        known: String,
    },
}

/// One object of a page could not be mapped. The other objects are not affected.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("object {object}: {reason}")]
pub struct MappingError {
    /// Which object of the page, counted from 0.
    pub object: usize,
    /// The vendor's id of it, where it can be told. It is no part of the text: a shop may number its customers by their mail addresses.
    pub name: Option<String>,
    /// Why.
    pub reason: Reason,
}

impl fmt::Debug for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, name: _, reason } = self;
        f.debug_struct("MappingError").field("object", object).field("reason", reason).finish_non_exhaustive()
    }
}

/// Why an object was not mapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The filter stopped with an error. The text is the manifest's own, or names the kind of failure.
    #[error("{0}")]
    Filter(String),
    /// The filter yielded something that is no JSON object.
    #[error("the filter yielded something that is no record")]
    NotARecord,
    /// The filter yielded a field that the manifest does not map to a category.
    #[error("the field `{0}` is not mapped to a category in the manifest, so it may not enter the hub")]
    UndeclaredField(String),
    /// The filter yielded a consent for a purpose the manifest does not list under `consents`.
    #[error("a consent for `{0}` is not listed under `consents` in the manifest")]
    UndeclaredConsent(String),
    /// A text is not UTF-8, or a number cannot be written as JSON.
    #[error("a value cannot be written as JSON")]
    NotJson,
    /// A row of a file has another form than the manifest says.
    #[error("a row of the file cannot be read; is it written as the manifest says?")]
    Row,
    /// The vendor listed it, and says now that it does not exist.
    #[error("the vendor lists it, and knows nothing of it when it is asked for it")]
    Gone,
    /// The vendor was asked for what its list leaves out. The text is a fault's, which holds no value.
    #[error("what the list leaves out of it could not be had: {0}")]
    Rest(String),
    /// The filter yielded more than the engine accepts; it probably never ends.
    #[error("the filter yielded more than {0} results")]
    TooMany(usize),
}

/// A place in an import file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line of an NDJSON or CSV file, from 1. For CSV the line where the row starts.
    pub line: Option<u64>,
    /// Page of a JSON file that is an array of pages, from 0.
    pub page: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.page) {
            (Some(line), _) => write!(f, "line {line}"),
            (None, Some(page)) => write!(f, "page {page}"),
            (None, None) => f.write_str("the file"),
        }
    }
}

/// A part of an import file could not be read or mapped. Reading goes on behind it unless [`FileError::ends`].
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// An object was not mapped.
    #[error("{place}, {error}")]
    Object {
        /// Where.
        place: Place,
        /// Which object and why; its text is part of this one's, so it is no source.
        error: MappingError,
    },
    /// The bytes are not in the declared encoding.
    #[error("{place} is not {encoding}; save the file as UTF-8, or name its encoding in the mapping file")]
    Encoding {
        /// Where.
        place: Place,
        /// The encoding that was expected.
        encoding: &'static str,
    },
    /// Not JSON.
    #[error("{place} is not JSON (it breaks at line {line}, column {column})")]
    Json {
        /// Where.
        place: Place,
        /// Line within the value, from 1.
        line: usize,
        /// Column within that line, from 1.
        column: usize,
    },
    /// No stream of the connector knows this form.
    #[error("{place}: no stream of `{connector}` recognises this; it knows {streams}")]
    UnknownPage {
        /// Where.
        place: Place,
        /// The connector.
        connector: String,
        /// Its streams.
        streams: String,
    },
    /// A CSV row has another number of columns than the header.
    #[error("{place} has {found} columns, the header has {expected}")]
    Columns {
        /// Where.
        place: Place,
        /// Columns of the header.
        expected: u64,
        /// Columns of the row.
        found: u64,
    },
    /// The header lacks a column the mapping names.
    #[error("the header has no column `{column}`, which the mapping file calls `{name}`")]
    MissingColumn {
        /// The heading the mapping expects.
        column: String,
        /// The name it has in the mapping.
        name: String,
    },
    /// A file for a connector of DATEV that is none.
    #[error("the file does not begin like one of DATEV: a header that starts with EXTF, then the captions")]
    NotExtf,
    /// A CSV file was given without a mapping.
    #[error("a CSV file needs a mapping file that says what its columns mean")]
    NeedsMapping,
    /// A line, row or file is longer than the engine accepts.
    #[error("{place} is longer than {limit} bytes")]
    TooLong {
        /// Where.
        place: Place,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file could not be read to its end.
    #[error("the file could not be read to its end")]
    Read(#[source] std::io::Error),
}

impl FileError {
    /// Does reading stop here? If not, the items behind the failed one still follow.
    #[must_use]
    pub const fn ends(&self) -> bool {
        matches!(
            self,
            Self::Read(_) | Self::MissingColumn { .. } | Self::NotExtf | Self::NeedsMapping | Self::TooLong { .. }
        )
    }

    /// The same without the place, for counting.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Object { error, .. } => error.reason.to_string(),
            Self::Encoding { encoding, .. } => format!("what stands there is not {encoding}"),
            Self::Json { .. } => "what stands there is not JSON".to_owned(),
            Self::UnknownPage { .. } => "no stream of the connector recognises it".to_owned(),
            Self::Columns { .. } => "a row has another number of columns than the header".to_owned(),
            Self::TooLong { limit, .. } => format!("it is longer than {limit} bytes"),
            Self::MissingColumn { .. } | Self::NotExtf | Self::NeedsMapping | Self::Read(_) => self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_object_is_in_no_form_of_its_error() {
        let name = Some("erika@muster.org".to_owned());
        let error = MappingError { object: 3, name, reason: Reason::NotARecord };
        let said = format!("{error} {error:?}");
        assert!(said.contains("NotARecord") && said.contains('3') && !said.contains("erika"), "{said}");
    }
}

//! The page people read: German and English, overview first, no script, nothing fetched.

use askama::Template;

use super::explain::{CategoryPart, ConsentPart, Document};
use super::package::{Field, fields, opened};
use super::{Error, Membership, words};

#[derive(Template)]
#[template(path = "access.html", escape = "html")]
struct Page<'a> {
    document: &'a Document,
}

/// The whole page.
pub(super) fn html(document: &Document) -> Result<String, Error> {
    Page { document }.render().map_err(|_| Error::Document("page"))
}

impl CategoryPart {
    fn fields(&self) -> Vec<Field> {
        opened(&self.data)
    }

    fn category_de(&self) -> &str {
        words::category_de(self.category)
    }
}

impl ConsentPart {
    fn proof(&self) -> Vec<Field> {
        self.evidence.as_ref().map(opened).unwrap_or_default()
    }
}

impl Membership {
    fn reasons(&self) -> Vec<Field> {
        fields(&self.why)
    }
}

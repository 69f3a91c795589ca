//! Paging, the same everywhere: `limit` and `cursor` come in; a list and `next` go out, with `Link: …; rel="next"`.
//!
//! A cursor is sealed, so that nobody builds on what is in it, and so that one of another list, another hub or another
//! hand is refused and never read.

use actix_web::HttpResponseBuilder;
use actix_web::http::header::LINK;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;

use super::house::House;
use super::problem::{Code, Problem};
use crate::vault::{Drawer, Row};

/// How many entries a page has, unless the caller says.
const DEFAULT: usize = 100;
/// How many it has at most.
pub(super) const MOST: usize = 1_000;
/// Cursors are short; what is longer is none.
const LONGEST: usize = 2_048;

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Where to go on: `next` of the page before, as it came. Without it: from the start.
    #[serde(default)]
    #[param(nullable = false, max_length = 2048)]
    pub(super) cursor: Option<String>,
    /// Entries on the page, at most.
    #[serde(default)]
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    pub(super) limit: Option<usize>,
}

/// The limit in force.
///
/// # Errors
/// `invalid_parameter`.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(DEFAULT);
    if (1..=MOST).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(Code::InvalidParameter, "The limit is 1 to 1000.").parameter("limit"))
}

/// A list that has cursors of its own.
pub(super) struct List {
    /// Its path.
    pub(super) path: &'static str,
    /// What its cursors are sealed for.
    pub(super) row: Row,
}

impl List {
    /// The cursor of a place in this list.
    ///
    /// # Errors
    /// If there is no randomness.
    pub(super) fn cursor(&self, house: &House, place: &[u8]) -> Result<String, Problem> {
        let sealed = house.strongbox.seal(Drawer::Tokens, self.row, place).map_err(Problem::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The place a cursor of this list stands for.
    ///
    /// # Errors
    /// `invalid_parameter` if this hub did not make it for this list.
    pub(super) fn place<const SIZE: usize>(&self, house: &House, cursor: &str) -> Result<[u8; SIZE], Problem> {
        let sealed = Some(cursor).filter(|cursor| cursor.len() <= LONGEST);
        let sealed = sealed.and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok()).ok_or_else(foreign)?;
        let place = house.strongbox.open(Drawer::Tokens, self.row, &sealed).map_err(|_| foreign())?;
        place.as_slice().try_into().map_err(|_| foreign())
    }
}

/// The header that names the next page. `next` is a cursor, which needs no escaping.
pub(super) fn link(reply: &mut HttpResponseBuilder, path: &str, next: Option<&str>, limit: usize) {
    if let Some(next) = next {
        reply.insert_header((LINK, format!("<{path}?cursor={next}&limit={limit}>; rel=\"next\"")));
    }
}

/// What a cursor is answered that is none of this list.
pub(super) fn foreign() -> Problem {
    Problem::new(Code::InvalidParameter, "This is no cursor of this list.").parameter("cursor")
}

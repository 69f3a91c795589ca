//! What is to be done about the names of consents that mean nothing here.

use crate::consent::{Edition, Source};
use crate::store::unheard::{Unheard, UnheardRow};
use crate::types::{Ground, PurposeCode};

/// What the merchant is to do about a name that a banner of `source` reported.
#[must_use]
pub fn todo(row: &UnheardRow, source: &Source, edition: &Edition) -> &'static str {
    let is_purpose = row.kind == Unheard::Purpose.word();
    let is_heard = if is_purpose {
        let purpose = row.name.parse().ok().and_then(|code: PurposeCode| edition.purpose(&code));
        purpose.is_some_and(|purpose| purpose.ground == Ground::Consent)
    } else {
        source.terms.consent_categories.contains_key(&row.name)
    };
    match (is_heard, is_purpose) {
        (true, _) => {
            "Nothing more: it is known now. What was said under it before is not, and is no yes; a visitor's banner says it again \
             with their next event."
        }
        (false, true) => {
            "Configure this purpose as one that rests on consent, or take it out of `consent_categories` in the terms of the source."
        }
        (false, false) => {
            "Name it in `consent_categories` in the terms of the source, with the purposes it stands for, or with an empty list if \
             it stands for none."
        }
    }
}

//! Whom a vendor means, by the blind indexes of what it says.

use crate::api::House;
use crate::api::problem::Problem;
use crate::connect::Person;
use crate::consent::Source;
use crate::intake::lookup_form;
use crate::store::rows::Who;
use crate::types::{IdentifierKind, SourceNo};
use crate::vault::source_scoped;

/// The blind indexes of what is said of a person at a source. What has no normal form names nobody.
pub(super) fn indexes(house: &House, source: &Source, who: &Person) -> Result<Vec<[u8; 16]>, Problem> {
    let mut indexes = Vec::new();
    for (kind, value) in [
        (IdentifierKind::Account, &who.account),
        (IdentifierKind::CustomerNumber, &who.customer_number),
        (IdentifierKind::Email, &who.email),
        (IdentifierKind::Phone, &who.phone),
    ] {
        let Some((kind, value)) = value.as_deref().and_then(|value| lookup_form(kind, value).ok()) else { continue };
        let at = if source_scoped(kind) { source.number } else { SourceNo(0) };
        if let Who::Identifier(ix) = house.gateway.who_has(kind, at, &value)? {
            indexes.push(ix);
        }
    }
    Ok(indexes)
}

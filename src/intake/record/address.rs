//! Postal addresses. Category address.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::draft::{Doc, at_most};
use super::{Category, Draft, Rejection};
use crate::intake::normal::address;
use crate::intake::wire::field::{Country, Line16, Line40, Name, Short, Tried, choice};

/// Addresses one record may have.
const MAX: usize = 20;

choice! {
    /// What an address is for.
    AddressUse {
        /// Where the invoice goes.
        Billing = "billing",
        /// Where the goods go.
        Shipping = "shipping",
        /// Where the person can be reached.
        Contact = "contact",
    }
}

/// A postal address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    /// What the address is for. Category address. Example: `shipping`.
    r#use: Option<AddressUse>,
    /// Who receives there, if not the person. Category address. Example: `Jörg Weiß`.
    name: Option<Name>,
    /// The firm at the address. Category address. Example: `Weiß & Söhne GmbH`.
    company: Option<Name>,
    /// Street, with the house number if that has no field of its own. Category address. Example: `Kantstraße`.
    street: Option<Short>,
    /// House number. Category address. Example: `12a`.
    house_number: Option<Line40>,
    /// Floor, stairs, c/o. Category address. Example: `Hinterhaus`.
    extra: Option<Short>,
    /// Postal code, in the form of its country; one that is not is left out. Category address. Example: `10623`.
    postal_code: Option<Line16>,
    /// Town. Category address. Example: `Berlin`.
    city: Option<Short>,
    /// State or region. Category address. Example: `Berlin`.
    region: Option<Short>,
    /// Country; one that is none is left out. Category address. Example: `DE`.
    #[schema(value_type = Option<Country>)]
    country: Option<Tried<Country>>,
}

impl Address {
    fn document(self, draft: &mut Draft, index: usize) -> Value {
        let at = |field: &str| format!("/data/addresses/{index}/{field}");
        let country = draft.tried(self.country.map(|country| country.0), || at("country")).map(|country| country.0);
        let code = self.postal_code.map(|code| address::postal_code(&code.0, country));
        let postal_code = draft.tried(code, || at("postal_code"));
        let (street, house_number) = match (self.street, self.house_number) {
            (Some(street), None) => {
                let (street, number) = address::split(&street.0);
                (Some(street), number)
            }
            (street, number) => (street.map(|street| street.0), number.map(|number| address::house_number(&number.0))),
        };
        Doc::default()
            .with("use", self.r#use)
            .with("name", self.name)
            .with("company", self.company)
            .with("street", street)
            .with("house_number", house_number)
            .with("extra", self.extra)
            .with("postal_code", postal_code)
            .with("city", self.city)
            .with("region", self.region)
            .with("country", country)
            .into()
    }
}

/// Draws the addresses of a record.
pub(super) fn draw(addresses: Vec<Address>, draft: &mut Draft) -> Result<(), Rejection> {
    at_most(MAX, "addresses", &addresses)?;
    let countries = addresses.iter().filter_map(|address| address.country.as_ref()?.0.as_ref().ok());
    draft.country = countries.map(|country| country.0).next();
    for (index, address) in addresses.into_iter().enumerate() {
        let document = address.document(draft, index);
        if document.as_object().is_some_and(|fields| fields.keys().any(|field| field != "use")) {
            draft.push(Category::Address, "addresses", document);
        }
    }
    Ok(())
}

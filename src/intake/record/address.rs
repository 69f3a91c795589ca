//! Postal addresses. Category address.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::draft::{Doc, at_most};
use super::{At, Category, Draft, Rejection};
use crate::intake::normal::address;
use crate::intake::wire::field::{Country, Line16, Line40, Name, Short, choice};

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
    /// Postal code, in the form of its country. Category address. Example: `10623`.
    postal_code: Option<Line16>,
    /// Town. Category address. Example: `Berlin`.
    city: Option<Short>,
    /// State or region. Category address. Example: `Berlin`.
    region: Option<Short>,
    /// Country. Category address. Example: `DE`.
    country: Option<Country>,
}

impl Address {
    fn document(self) -> Result<Value, Rejection> {
        let country = self.country.map(|country| country.0);
        let postal_code =
            self.postal_code.map(|code| address::postal_code(&code.0, country)).transpose().at("postal_code")?;
        let (street, house_number) = match (self.street, self.house_number) {
            (Some(street), None) => {
                let (street, number) = address::split(&street.0);
                (Some(street), number)
            }
            (street, number) => (street.map(|street| street.0), number.map(|number| address::house_number(&number.0))),
        };
        Ok(Doc::default()
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
            .into())
    }
}

/// Draws the addresses of a record.
pub(super) fn draw(addresses: Vec<Address>, draft: &mut Draft) -> Result<(), Rejection> {
    at_most(MAX, "addresses", &addresses)?;
    draft.country = addresses.iter().find_map(|address| address.country.as_ref()).map(|country| country.0);
    for (index, address) in addresses.into_iter().enumerate() {
        let document = address.document().map_err(|fault| fault.entry(index)).at("addresses")?;
        if document.as_object().is_some_and(|fields| fields.keys().any(|field| field != "use")) {
            draft.push(Category::Address, "addresses", document);
        }
    }
    Ok(())
}

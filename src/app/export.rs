//! `obhut export datev`: the customers as debtors, in a file for the tax adviser's program.
//!
//! They are read at the gateway under the purpose of bookkeeping, like everything that leaves: nobody whom it may not read is in
//! the file, and nothing that it does not need, such as mail addresses.

use std::io::BufWriter;

use serde_json::{Map, Value};

use super::Hub;
use super::commands::{Outcome, say, say_error};
use super::graph::create;
use crate::cli::ExportDatev;
use crate::connect::extf::{Column, Settings, Writer};
use crate::consent::Edition;
use crate::gateway::{Actor, Ask, Caller, Disclosure, Scope};
use crate::store::{self, subjects};
use crate::types::Category;

/// The purpose under which the tax adviser is given anything.
const BOOKKEEPING: &str = "bookkeeping";
/// The connector whose accounts are those of debtors.
const DATEV: &str = "datev";
/// People who are read with one audit line.
const PAGE: i64 = 200;

/// A line of the file.
struct Debtor {
    account: String,
    cells: Vec<(Column, String)>,
}

pub(super) async fn datev(hub: &Hub, arguments: &ExportDatev) -> Outcome {
    let house = &hub.house;
    let settings = Settings {
        consultant: arguments.consultant,
        client: arguments.client,
        year_begin: arguments.fiscal_year,
        account_length: arguments.account_length,
        format_version: arguments.format_version,
    };
    if let Some(wrong) = settings.wrong() {
        return Err(wrong.into());
    }
    let purpose = BOOKKEEPING.parse().map_err(store::Error::from)?;
    let edition = house.rulebook.edition();
    if edition.purpose(&purpose).is_none() {
        return Err(format!("the purpose {BOOKKEEPING} is not configured; nothing may be read").into());
    }
    let caller = Caller { actor: Actor::Hub("obhut export datev"), scope: Scope::Every };
    let categories = Some([Category::Identity, Category::Address].into_iter().collect());
    let ask = Ask { caller, purpose, categories, channel: None, reason: None };
    let mut file = Writer::begin(BufWriter::new(create(&arguments.output)?), &settings, house.clock.now())?;
    let (mut after, mut written, mut without, mut withheld) = (None, 0_u64, 0_u64, 0_usize);
    loop {
        let people = house.store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
        let Some(last) = people.last().copied() else { break };
        after = Some(last);
        let page = house.gateway.read_many(&ask, people).await?;
        withheld += page.refused.len();
        for disclosure in &page.disclosed {
            let Some(debtor) = debtor(disclosure, &edition, &settings) else {
                without += 1;
                continue;
            };
            for why in file.debtor(&debtor.account, &debtor.cells)? {
                say_error(&format!("account {}: left out: {why}", debtor.account));
            }
            written += 1;
        }
    }
    file.end()?.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    say(&format!(
        "{written} debtors written; {without} people have no account of a debtor, {withheld} may not be read for bookkeeping"
    ));
    Ok(())
}

/// The line of a person; none without an account: the one their adviser's books know them by, or a customer number that is one.
#[expect(clippy::disallowed_methods, reason = "a line of the file is made of the values")]
fn debtor(disclosure: &Disclosure, edition: &Edition, settings: &Settings) -> Option<Debtor> {
    let texts = |part: &Value, name: &str| -> Vec<String> {
        let list = part.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let of_datev = disclosure
        .records()
        .iter()
        .filter(|record| edition.source_named(record.source()).is_some_and(|source| source.connector == DATEV));
    let accounts =
        of_datev.filter_map(|record| Some(texts(record.part(Category::Identity)?.look(), "accounts"))).flatten();
    let profile = disclosure.profile().take();
    let identity = profile.get(&Category::Identity).cloned().unwrap_or_default();
    let numbers = texts(&Value::Object(identity.clone()), "customer_numbers");
    let account = accounts.chain(numbers.iter().cloned()).find(|account| settings.is_debtor(account))?;
    let addresses = profile.get(&Category::Address).and_then(|part| part.get("addresses")?.as_array().cloned());
    let mut cells = names(&identity);
    cells.extend(numbers.first().map(|number| (Column::CustomerNumber, number.clone())));
    cells.extend(address(&addresses.unwrap_or_default()));
    Some(Debtor { account, cells })
}

fn names(identity: &Map<String, Value>) -> Vec<(Column, String)> {
    let text = |name: &str| identity.get(name).and_then(Value::as_str).map(str::to_owned);
    let (given, family, full, company) = (text("given_name"), text("family_name"), text("full_name"), text("company"));
    let mut cells = Vec::new();
    let kind = if let Some(company) = company {
        cells.push((Column::Company, company));
        let speaker = given.zip(family).map(|(given, family)| format!("{given} {family}")).or(full);
        cells.extend(speaker.map(|speaker| (Column::Contact, speaker)));
        "2"
    } else if let Some(family) = family {
        cells.push((Column::FamilyName, family));
        cells.extend(given.map(|given| (Column::GivenName, given)));
        "1"
    } else {
        cells.extend(full.map(|full| (Column::Name, full)));
        "0"
    };
    cells.push((Column::Kind, kind.to_owned()));
    cells.extend(text("salutation").map(|salutation| (Column::Salutation, salutation)));
    cells.extend(text("title").map(|title| (Column::Title, title)));
    cells
}

/// The billing address, or else the first one.
fn address(addresses: &[Value]) -> Vec<(Column, String)> {
    let billing = addresses.iter().find(|one| one.get("use").and_then(Value::as_str) == Some("billing"));
    let Some(address) = billing.or(addresses.first()) else { return Vec::new() };
    let text = |name: &str| address.get(name).and_then(Value::as_str).map(str::to_owned);
    let street = text("street").map(|street| match text("house_number") {
        Some(number) => format!("{street} {number}"),
        None => street,
    });
    let named = [
        (Column::Street, street),
        (Column::Extra, text("extra")),
        (Column::PostalCode, text("postal_code")),
        (Column::City, text("city")),
        (Column::Country, text("country")),
    ];
    let mut cells: Vec<(Column, String)> =
        named.into_iter().filter_map(|(column, text)| Some((column, text?))).collect();
    if cells.iter().any(|(column, _)| *column == Column::Street) {
        cells.push((Column::AddressKind, "STR".to_owned()));
    }
    cells
}

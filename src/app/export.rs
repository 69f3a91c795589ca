//! `obhut export datev`: the customers as debtors, in a file for the tax adviser's program.
//!
//! They are read at the gateway under the purpose of bookkeeping, like everything that leaves: nobody whom it may not read is in
//! the file, and nothing that it does not need, such as mail addresses. They are read twice: an account that two people would get
//! is known before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufWriter;

use serde_json::{Map, Value};

use super::Hub;
use super::commands::{Outcome, say, say_error};
use super::output::NewFile;
use crate::cli::ExportDatev;
use crate::connect::extf::{Column, Settings, Writer};
use crate::consent::Edition;
use crate::gateway::{Actor, Ask, Caller, Disclosure, Scope};
use crate::store::{self, subjects};
use crate::types::{Category, CategorySet};

/// The purpose under which the tax adviser is given anything.
const BOOKKEEPING: &str = "bookkeeping";
/// The connector whose accounts are those of debtors.
const DATEV: &str = "datev";
/// Who gets the file.
const RECIPIENT: &str = "tax adviser (DATEV)";
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
    let ask = |categories: CategorySet| {
        let caller = Caller { actor: Actor::Hub("obhut export datev"), scope: Scope::Every };
        Ask { caller, purpose: purpose.clone(), categories: Some(categories), channel: None, reason: None }
    };
    let accounts = accounts(hub, &ask([Category::Identity].into_iter().collect()), &settings).await?;
    let twice = accounts.twice();
    twice.iter().for_each(|account| say_error(&format!("account {account}: left out: several people would get it")));
    let ask = ask([Category::Identity, Category::Address].into_iter().collect());
    let mut file = Writer::begin(BufWriter::new(NewFile::create(&arguments.output)?), &settings, house.clock.now())?;
    let (mut after, mut written, mut without, mut withheld) = (None, 0_u64, 0_u64, 0_usize);
    loop {
        let people = house.store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
        let Some(last) = people.last().copied() else { break };
        after = Some(last);
        let page = house.gateway.read_many(&ask, people).await?;
        withheld += page.refused.len();
        let (mut chosen, mut debtors) = (Vec::new(), Vec::new());
        for disclosure in page.disclosed {
            match debtor(&disclosure, &edition, (&settings, &accounts)) {
                Some(debtor) if twice.contains(&debtor.account) => {}
                Some(debtor) => {
                    chosen.push(disclosure);
                    debtors.push(debtor);
                }
                None => without += 1,
            }
        }
        if !chosen.is_empty() {
            house.gateway.deliver(&ask, &chosen, RECIPIENT, "debtors").await?;
        }
        for debtor in debtors {
            for why in file.debtor(&debtor.account, &debtor.cells)? {
                say_error(&format!("account {}: left out: {why}", debtor.account));
            }
            written += 1;
        }
    }
    file.end()?.into_inner().map_err(|error| error.into_error())?.keep()?;
    say(&format!(
        "{written} debtors written; {without} people have no account of a debtor, {withheld} may not be read for bookkeeping"
    ));
    Ok(())
}

/// Which accounts there are.
#[derive(Default)]
struct Accounts {
    /// Those the adviser's books name.
    of_books: BTreeSet<String>,
    /// What each person would get who is in no book: numbers of theirs that could be accounts.
    of_others: Vec<Vec<String>>,
    /// How many people each account of the books is of.
    people: BTreeMap<String, u32>,
}

impl Accounts {
    /// The account of somebody: the one the books know them by, or else a number of theirs that is nobody's there.
    fn choose(&self, of_books: Option<String>, numbers: &[String]) -> Option<String> {
        of_books.or_else(|| numbers.iter().find(|number| !self.of_books.contains(*number)).cloned())
    }

    /// Those that several people would get.
    fn twice(&self) -> BTreeSet<String> {
        let mut people = self.people.clone();
        for account in self.of_others.iter().filter_map(|numbers| self.choose(None, numbers)) {
            *people.entry(account).or_default() += 1;
        }
        people.into_iter().filter(|(_, count)| *count > 1).map(|(account, _)| account).collect()
    }
}

/// Reads which accounts there are.
async fn accounts(hub: &Hub, ask: &Ask, settings: &Settings) -> Result<Accounts, Box<dyn std::error::Error>> {
    let house = &hub.house;
    let (edition, mut accounts, mut after) = (house.rulebook.edition(), Accounts::default(), None);
    loop {
        let people = house.store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
        let Some(last) = people.last().copied() else { return Ok(accounts) };
        after = Some(last);
        for disclosure in &house.gateway.read_many(ask, people).await?.disclosed {
            let (of_books, numbers) = accounts_of(disclosure, &edition, settings);
            match of_books.first() {
                Some(account) => *accounts.people.entry(account.clone()).or_default() += 1,
                None if numbers.is_empty() => {}
                None => accounts.of_others.push(numbers),
            }
            accounts.of_books.extend(of_books);
        }
    }
}

/// The accounts of a person in the adviser's books, and their customer numbers that could be accounts.
#[expect(clippy::disallowed_methods, reason = "an account is chosen of the values")]
fn accounts_of(disclosure: &Disclosure, edition: &Edition, settings: &Settings) -> (Vec<String>, Vec<String>) {
    let (mut of_books, mut numbers) = (Vec::new(), Vec::new());
    for record in disclosure.records() {
        let Some(part) = record.part(Category::Identity) else { continue };
        if edition.source_named(record.source()).is_some_and(|source| source.connector == DATEV) {
            of_books.extend(texts(part.look(), "accounts").into_iter().filter(|account| settings.is_debtor(account)));
        } else {
            let could = texts(part.look(), "customer_numbers").into_iter().filter(|number| settings.is_debtor(number));
            numbers.extend(could);
        }
    }
    (of_books, numbers)
}

fn texts(part: &Value, name: &str) -> Vec<String> {
    let list = part.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The line of a person; none without an account.
#[expect(clippy::disallowed_methods, reason = "a line of the file is made of the values")]
fn debtor(disclosure: &Disclosure, edition: &Edition, (settings, accounts): (&Settings, &Accounts)) -> Option<Debtor> {
    let (of_books, could) = accounts_of(disclosure, edition, settings);
    let account = accounts.choose(of_books.into_iter().next(), &could)?;
    let profile = disclosure.profile().take();
    let identity = profile.get(&Category::Identity).cloned().unwrap_or_default();
    let numbers = texts(&Value::Object(identity.clone()), "customer_numbers");
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

//! What identify says of somebody, as the fields of a customer record. Traits that no category is named for stay outside
//! (Art. 5(1)(c) GDPR).

use serde_json::{Map, Value, json};

use super::message::{Message, text};
use super::scalars::cleaned;

/// Characters of a single line.
const MAX: usize = 200;

/// The data of a customer record, and the contact points that go beside it.
pub(super) struct Person {
    pub(super) data: Value,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
}

impl Person {
    /// Reads the traits of a message, wherever its SDK puts them.
    pub(super) fn of(message: &mut Message) -> Self {
        let mut traits = match message.context.get("traits") {
            Some(Value::Object(traits)) => traits.clone(),
            _ => Map::new(),
        };
        traits.extend(std::mem::take(&mut message.traits));
        let locale = text(&message.context, "locale").filter(|locale| is_locale(locale));
        let mut person = Fields::default();
        person.put("given_name", one(&traits, &["firstName", "first_name", "firstname"]));
        person.put("family_name", one(&traits, &["lastName", "last_name", "lastname"]));
        if person.0.is_empty() {
            person.put("full_name", one(&traits, &["name"]));
        }
        let company = traits.get("company").and_then(|company| company.get("name").or(Some(company))?.as_str());
        person.put("company", company.and_then(|company| cleaned(company, MAX)));
        person.put("birth_date", text(&traits, "birthday").and_then(day));
        person.put("language", locale.map(Value::from));
        let mut data = Fields::default();
        data.put("person", Some(person.0).filter(|person| !person.is_empty()).map(Value::Object));
        data.put("addresses", address(&traits).map(|address| json!([address])));
        data.put("registered_at", registered(traits.get("createdAt").or_else(|| traits.get("created_at"))));
        let contact = |name| text(&traits, name).map(str::to_owned);
        Self { data: Value::Object(data.0), email: contact("email"), phone: contact("phone") }
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }
}

fn one(traits: &Map<String, Value>, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| text(traits, name)).and_then(|text| cleaned(text, MAX))
}

fn address(traits: &Map<String, Value>) -> Option<Value> {
    let given = traits.get("address")?.as_object()?;
    let mut address = Fields::default();
    for (field, names) in [
        ("street", &["street"][..]),
        ("postal_code", &["postalCode", "postal_code", "zip"]),
        ("city", &["city"]),
        ("region", &["state", "region"]),
        ("country", &["country"]),
    ] {
        address.put(field, one(given, names));
    }
    let Fields(mut address) = address;
    (!address.is_empty()).then(|| {
        address.insert("use".to_owned(), "contact".into());
        Value::Object(address)
    })
}

/// A date, of an instant its date part; other texts say nothing.
fn day(text: &str) -> Option<Value> {
    let day = text.get(..10)?;
    let digits =
        day.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    digits.then(|| day.into())
}

/// When the account was made: a text, or seconds or milliseconds since 1970.
fn registered(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => crate::types::Timestamp::parse(text.trim()).ok().map(|at| at.rfc3339().into()),
        Value::Number(number) => {
            let number = number.as_i64()?;
            let millis = if number > 100_000_000_000 { number } else { number.checked_mul(1_000)? };
            Some(crate::types::Timestamp::from_micros(millis.checked_mul(1_000)?).rfc3339().into())
        }
        _ => None,
    }
}

fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once(['-', '_']).unwrap_or((text, "XX"));
    let letters = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters(language) && letters(region)
}

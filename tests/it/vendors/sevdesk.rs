//! sevDesk: a token that stands alone in its header, objects with an offset, numbers as text here and as numbers there, and a
//! contact with documents that is not deleted.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// The books.
pub struct Ledger {
    /// Contacts.
    pub contacts: Vec<Value>,
    /// Postal addresses.
    pub addresses: Vec<Value>,
    /// Invoices.
    pub invoices: Vec<Value>,
    /// Credit notes.
    pub credit_notes: Vec<Value>,
    /// Mail addresses that are others than at the begin, by the number of the contact, and since when.
    pub mails: HashMap<usize, (String, String)>,
    /// Contact persons, letters and whatever else a contact has, by its id and the name of the count.
    pub counts: HashMap<(String, &'static str), Value>,
    /// Mail addresses that were deleted.
    pub ways_gone: HashSet<u64>,
    /// What it says instead, of whatever contact it is asked for.
    pub says_of_contacts: Option<&'static str>,
    /// Is the token in force?
    pub token_is_valid: bool,
    most: usize,
}

impl Ledger {
    /// With so many customers, each with an invoice, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let of = |make: fn(usize) -> Value| (0..count).map(make).collect();
        Self {
            contacts: of(contact),
            addresses: of(address),
            invoices: of(invoice),
            credit_notes: Vec::new(),
            mails: HashMap::new(),
            counts: HashMap::new(),
            ways_gone: HashSet::new(),
            says_of_contacts: None,
            token_is_valid: true,
            most,
        }
    }

    /// The mail address of a contact.
    fn way(&self, contact: &Value, embed: bool) -> Value {
        let number = contact["id"].as_str().unwrap().parse::<usize>().unwrap() - 81_000;
        let begin = || (format!("kunde{number}@example.org"), "2025-02-01T10:00:00+01:00".to_owned());
        let (mail, update) = self.mails.get(&number).cloned().unwrap_or_else(begin);
        let named = json!({"id": 81_000 + number, "objectName": "Contact"});
        json!({
            "id": 66_000 + number, "objectName": "CommunicationWay", "contact": if embed { contact } else { &named },
            "type": "EMAIL", "value": mail, "main": "1", "update": update,
        })
    }

    /// A document with its whole contact in it.
    fn embedded(&self, document: &Value) -> Value {
        let contact = self.contacts.iter().find(|one| one["id"] == document["contact"]["id"]);
        let mut document = document.clone();
        document["contact"] = contact.cloned().unwrap_or_default();
        document
    }

    fn list(&self, found: &[&Value], call: &Call) -> Answer {
        let limit = call.number("limit").unwrap_or(100);
        let known =
            ["limit", "offset", "countAll", "depth", "embed", "customerNumber", "contact[id]", "contact[objectName]"];
        if !(1..=1000).contains(&limit) || call.stray(&known).is_some() {
            return Answer::new(400, json!({"objects": null, "error": {"message": "limit", "code": 400}}));
        }
        let size = usize::try_from(limit).unwrap().min(self.most);
        let start = usize::try_from(call.number("offset").unwrap_or(0)).unwrap();
        let page: Vec<&&Value> = found.iter().skip(start).take(size).collect();
        let mut body = json!({"objects": page});
        if call.query.get("countAll").map(String::as_str) == Some("true") {
            // As text, as so many of its numbers.
            body["total"] = found.len().to_string().into();
        }
        Answer::new(200, body)
    }
}

impl Vendor for Ledger {
    fn answer(&mut self, call: &Call) -> Answer {
        if !self.token_is_valid || call.header("authorization") != "b7794de0085f5cd00560f160f290af38" {
            return Answer::new(401, json!({"status": 401, "message": "Authentication required"}));
        }
        let asked = |name: &str| call.query.get(name).map(String::as_str);
        match (call.method.as_str(), call.path.trim_start_matches("/api/v1/").split('/').collect::<Vec<_>>().as_slice())
        {
            ("GET", ["Contact"]) => {
                // Without `depth` only organisations come.
                let deep = asked("depth") == Some("1");
                let number = asked("customerNumber");
                let wanted = |one: &&Value| {
                    (deep || !one["name"].is_null()) && number.is_none_or(|number| one["customerNumber"] == number)
                };
                let found: Vec<&Value> = self.contacts.iter().filter(wanted).collect();
                self.list(&found, call)
            }
            ("GET", ["CommunicationWay"]) => {
                let wanted = asked("contact[id]");
                assert_eq!(asked("contact[objectName]"), wanted.map(|_| "Contact"));
                let embed = asked("embed") == Some("contact");
                let of = self.contacts.iter().filter(|one| wanted.is_none_or(|wanted| one["id"] == wanted));
                let ways = of.map(|contact| self.way(contact, embed));
                let there = |way: &Value| !self.ways_gone.contains(&way["id"].as_u64().unwrap());
                let ways: Vec<Value> = ways.filter(there).collect();
                self.list(&ways.iter().collect::<Vec<_>>(), call)
            }
            ("DELETE", ["CommunicationWay", id]) => {
                let is_new = self.ways_gone.insert(id.parse().unwrap());
                Answer::new(if is_new { 200 } else { 404 }, json!({"objects": [null]}))
            }
            ("GET", ["ContactAddress"]) => {
                // What is not embedded is named alone.
                let embed = asked("embed").unwrap_or_default();
                let shown = |one: &Value| {
                    let mut one = self.embedded(one);
                    for nested in ["contact", "country"] {
                        if !embed.split(',').any(|name| name == nested) {
                            one[nested] = json!({"id": one[nested]["id"], "objectName": one[nested]["objectName"]});
                        }
                    }
                    one
                };
                let found: Vec<Value> = self.addresses.iter().map(shown).collect();
                self.list(&found.iter().collect::<Vec<_>>(), call)
            }
            ("GET", [kind @ ("CreditNote" | "Invoice")]) => {
                let wanted = asked("contact[id]");
                assert_eq!(asked("contact[objectName]"), wanted.map(|_| "Contact"));
                let all = if *kind == "Invoice" { &self.invoices } else { &self.credit_notes };
                let of = all.iter().filter(|one| wanted.is_none_or(|wanted| one["contact"]["id"] == wanted));
                let embed = asked("embed") == Some("contact");
                let shown: Vec<Value> = of.map(|one| if embed { self.embedded(one) } else { one.clone() }).collect();
                self.list(&shown.iter().collect::<Vec<_>>(), call)
            }
            ("GET", ["Contact", id, "getTabsItemCount"]) if self.contacts.iter().any(|one| one["id"] == *id) => {
                let count = |all: &[Value]| all.iter().filter(|one| one["contact"]["id"] == *id).count();
                let (invoices, notes) = (count(&self.invoices), count(&self.credit_notes));
                let mut counts = json!({"orders": 0, "invoices": invoices, "creditNotes": notes.to_string(), "documents": 0,
                    "persons": 0, "vouchers": 0, "letters": 0, "parts": "0", "invoicePos": 0});
                for ((_, name), count) in self.counts.iter().filter(|((of, _), _)| of == id) {
                    counts[*name] = count.clone();
                }
                Answer::new(200, counts)
            }
            ("GET", ["Contact", _, "getTabsItemCount"]) => nobody(),
            ("PUT", ["Contact", id]) => {
                let Some(contact) = self.contacts.iter_mut().find(|one| one["id"] == *id) else {
                    return nobody();
                };
                for (name, value) in call.body.as_object().unwrap() {
                    contact[name.as_str()] = value.clone();
                }
                // It is news like any other.
                contact["update"] = json!(jiff::Timestamp::from_microsecond(call.now).unwrap().to_string());
                Answer::new(200, json!({"objects": contact}))
            }
            ("GET", ["Contact", _]) if self.says_of_contacts.is_some() => {
                let error = json!({"message": self.says_of_contacts, "code": "151"});
                Answer::new(400, json!({"objects": null, "error": error}))
            }
            ("GET", ["Contact", id]) => match self.contacts.iter().find(|one| one["id"] == *id) {
                Some(contact) => Answer::new(200, json!({"objects": [contact]})),
                None => nobody(),
            },
            ("DELETE", ["Contact", id]) => {
                let holds = |all: &[Value]| all.iter().any(|one| one["contact"]["id"] == *id);
                if holds(&self.invoices) || holds(&self.credit_notes) {
                    return Answer::new(409, json!({"error": {"message": "Contact is in use", "code": 409}}));
                }
                self.contacts.retain(|one| one["id"] != *id);
                self.addresses.retain(|one| one["contact"]["id"] != *id);
                Answer::new(200, json!({"objects": [null]}))
            }
            _ => Answer::new(404, json!({"error": {"message": "not found", "code": 404}})),
        }
    }
}

/// What is asked for by its id and is not there is a bad request.
fn nobody() -> Answer {
    Answer::new(
        400,
        json!({"objects": null, "error": {"message": "Bad request. Contact was not found", "code": "151"}}),
    )
}

pub fn contact(number: usize) -> Value {
    json!({
        "id": format!("{}", 81_000 + number), "objectName": "Contact", "create": "2025-02-01T10:00:00+01:00",
        "update": "2025-02-01T10:00:00+01:00", "name": null, "surename": "Erika", "familyname": format!("Beispiel{number}"),
        "customerNumber": format!("K-{number}"), "birthday": null, "description": null, "category": {"id": "3"}, "status": "1000",
        "sevClient": {"id": "4711", "objectName": "SevClient"},
    })
}

fn address(number: usize) -> Value {
    json!({
        "id": 55_000 + number, "objectName": "ContactAddress", "create": "2025-02-01T10:00:00+01:00",
        "update": "2025-02-01T10:00:00+01:00", "street": format!("Lindenweg {}", number + 1), "zip": "10115", "city": "Berlin",
        "contact": {"id": format!("{}", 81_000 + number), "objectName": "Contact", "category": {"id": 3}},
        "country": {"id": "1", "objectName": "StaticCountry", "code": "de"}, "name": null, "name2": null,
    })
}

/// A credit note for the customer of this number. Its id is that of the invoice of this number.
pub fn credit_note(number: usize, status: u16) -> Value {
    json!({
        "id": 92_000 + number, "objectName": "CreditNote", "create": "2026-02-03T11:00:00+01:00",
        "update": "2026-02-03T11:00:00+01:00", "creditNoteNumber": format!("GU-{number}"),
        "creditNoteDate": "2026-02-03T00:00:00+01:00", "status": status.to_string(),
        "contact": {"id": format!("{}", 81_000 + number)}, "currency": "EUR", "sumNet": "4.20", "sumTax": "0.80",
        "sumGross": "5.00",
    })
}

fn invoice(number: usize) -> Value {
    json!({
        "id": format!("{}", 92_000 + number), "objectName": "Invoice", "create": "2026-02-02T11:00:00+01:00",
        "update": "2026-02-02T11:00:00+01:00", "invoiceNumber": format!("RE-{number}"), "invoiceDate": "2026-02-02T00:00:00+01:00",
        "invoiceType": "RE", "status": "1000", "contact": {"id": format!("{}", 81_000 + number)}, "currency": "EUR",
        "sumNet": "16.72", "sumTax": "3.18", "sumGross": "19.90",
    })
}

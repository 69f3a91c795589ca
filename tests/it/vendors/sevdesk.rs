//! sevDesk: a token that stands alone in its header, objects with an offset, numbers as text here and as numbers there, and a
//! contact with booked documents that is not deleted.

use std::collections::HashMap;

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
    /// Contacts with booked documents.
    pub booked: Vec<String>,
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
            booked: Vec::new(),
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
                let ways: Vec<Value> = of.map(|contact| self.way(contact, embed)).collect();
                self.list(&ways.iter().collect::<Vec<_>>(), call)
            }
            ("GET", ["ContactAddress"]) => {
                // What is not embedded is named alone.
                let embed = asked("embed").unwrap_or_default();
                let shown = |one: &Value| {
                    let mut one = one.clone();
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
            ("GET", ["CreditNote"]) => self.list(&self.credit_notes.iter().collect::<Vec<_>>(), call),
            ("GET", ["Invoice"]) => self.list(&self.invoices.iter().collect::<Vec<_>>(), call),
            ("GET", ["Contact", id]) => match self.contacts.iter().find(|one| one["id"] == *id) {
                Some(contact) => Answer::new(200, json!({"objects": [contact]})),
                None => Answer::new(404, json!({"error": {"message": "not found", "code": 404}})),
            },
            ("DELETE", ["Contact", id]) => {
                if self.booked.iter().any(|booked| booked == id) {
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

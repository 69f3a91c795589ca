//! Lexware Office: a key of its own, two calls a second, contacts in pages from 0, an index of vouchers by day, and changes
//! of a contact only with its present version and at most one entry of a kind.

use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe};
use super::{Answer, Call, Vendor};

/// The books.
pub struct Books {
    /// Contacts.
    pub contacts: Vec<Value>,
    /// Invoices.
    pub invoices: Vec<Value>,
    /// Credit notes.
    pub credit_notes: Vec<Value>,
    /// Whose books they are.
    pub organization: String,
    /// Is the key in force?
    pub key_is_valid: bool,
    /// Invoices that are answered with an error, by their ids.
    pub broken: std::collections::BTreeMap<String, u16>,
    /// Subscriptions: id, type of event, address.
    pub hooks: Vec<(String, String, String)>,
    most: usize,
    /// When the last calls came.
    recent: Vec<i64>,
}

impl Books {
    /// With so many customers, each with an invoice, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let of = |make: fn(usize) -> Value| (0..count).map(make).collect();
        Self {
            contacts: of(contact),
            invoices: of(invoice),
            credit_notes: Vec::new(),
            organization: "aa93e8a8-2aa3-470b-b914-caad8a255dd8".to_owned(),
            key_is_valid: true,
            broken: [].into(),
            hooks: Vec::new(),
            most,
            recent: Vec::new(),
        }
    }

    /// Tells whoever subscribed that a contact changed, signed with the vendor's key.
    pub fn tell(&self) -> Vec<Delivery> {
        let body: Value = serde_json::from_str(include_str!("lexware.delivery.json")).unwrap();
        let hooks = self.hooks.iter().filter(|(_, event, _)| *event == body["eventType"]);
        let tell = |(_, _, address): &(String, String, String)| {
            let mut delivery =
                Delivery::json(address, &body).with("x-lxo-signature", include_str!("lexware.delivery.sign").trim());
            // It is signed as it stands there.
            include_str!("lexware.delivery.json").clone_into(&mut delivery.body);
            delivery
        };
        hooks.map(tell).collect()
    }

    fn subscribe(&mut self, asked: &Value) -> Answer {
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let (event, address) = (text("eventType"), text("callbackUrl"));
        let known = ["contact.", "invoice.", "credit-note.", "voucher.", "payment.", "token."];
        if !known.iter().any(|known| event.starts_with(known)) || !is_safe(address) {
            return error(406, "Not Acceptable");
        }
        let id = format!("49aa2f76-c51a-4df3-ae83-{:012}", self.hooks.len());
        self.hooks.push((id.clone(), event.to_owned(), address.to_owned()));
        Answer::new(
            201,
            json!({"id": id, "resourceUri": format!("https://api.lexware.io/v1/event-subscriptions/{id}")}),
        )
    }

    fn page(&self, found: &[Value], call: &Call) -> Answer {
        let size = usize::try_from(call.number("size").unwrap_or(25)).unwrap();
        if size > 250 {
            return error(400, "Bad Request");
        }
        let size = size.min(self.most);
        let number = usize::try_from(call.number("page").unwrap_or(0)).unwrap();
        let content: Vec<&Value> = found.iter().skip(number * size).take(size).collect();
        let last = (number + 1) * size >= found.len();
        let pages = found.len().div_ceil(size);
        Answer::new(
            200,
            json!({
                "content": content, "first": number == 0, "last": last, "totalPages": pages, "totalElements": found.len(),
                "size": size, "number": number,
            }),
        )
    }

    fn change(&mut self, id: &str, sent: &Value) -> Answer {
        let Some(contact) = self.contacts.iter_mut().find(|contact| contact["id"] == id) else {
            return error(404, "Not Found");
        };
        if sent["version"] != contact["version"] {
            return error(409, "Conflict");
        }
        let several = |part: &Value| {
            part.as_object().into_iter().flatten().any(|(_, list)| list.as_array().is_some_and(|list| list.len() > 1))
        };
        if several(&contact["emailAddresses"]) || several(&contact["addresses"]) {
            return error(406, "Not Acceptable");
        }
        let version = contact["version"].as_i64().unwrap() + 1;
        let mut next = sent.clone();
        (next["id"], next["version"]) = (json!(id), json!(version));
        *contact = next;
        Answer::new(200, json!({"id": id, "version": version}))
    }
}

impl Vendor for Books {
    fn answer(&mut self, call: &Call) -> Answer {
        self.recent.retain(|at| call.now - at < 1_000_000);
        if self.recent.len() >= 2 {
            return error(429, "Too Many Requests");
        }
        self.recent.push(call.now);
        if !self.key_is_valid || call.header("authorization") != "Bearer a-key-of-lexware" {
            return error(401, "Unauthorized");
        }
        let path: Vec<&str> = call.path.trim_start_matches("/v1/").split('/').collect();
        match (call.method.as_str(), path.as_slice()) {
            ("GET", ["contacts"]) => {
                let wanted = call.query.get("email").map(|email| email.to_lowercase());
                if wanted.as_ref().is_some_and(|wanted| wanted.len() < 3) {
                    return error(400, "Bad Request");
                }
                // It finds parts of words too.
                let holds = |contact: &&Value| {
                    wanted
                        .as_ref()
                        .is_none_or(|wanted| contact["emailAddresses"].to_string().to_lowercase().contains(wanted))
                };
                let found: Vec<Value> = self.contacts.iter().filter(holds).cloned().collect();
                self.page(&found, call)
            }
            ("GET", ["profile"]) => {
                Answer::new(200, json!({"organizationId": self.organization, "companyName": "Teeladen GmbH"}))
            }
            ("GET", ["contacts", id]) => {
                let found = self.contacts.iter().find(|contact| contact["id"] == *id);
                found.map_or_else(|| error(404, "Not Found"), |contact| Answer::new(200, contact.clone()))
            }
            ("GET", ["event-subscriptions"]) => {
                let shown = |(id, event, address): &(String, String, String)| json!({"subscriptionId": id, "eventType": event, "callbackUrl": address});
                Answer::new(200, json!({"content": self.hooks.iter().map(shown).collect::<Vec<_>>()}))
            }
            ("POST", ["event-subscriptions"]) => self.subscribe(&call.body),
            ("DELETE", ["event-subscriptions", id]) => {
                self.hooks.retain(|(known, _, _)| known != id);
                Answer::new(204, Value::Null)
            }
            ("PUT", ["contacts", id]) => self.change(id, &call.body),
            ("GET", ["voucherlist"]) => {
                let known = ["voucherType", "voucherStatus", "contactId", "updatedDateFrom", "sort", "page", "size"];
                let strays = call.stray(&known).is_some();
                if strays || !call.query.contains_key("voucherType") || !call.query.contains_key("voucherStatus") {
                    return error(400, "Bad Request");
                }
                let from = call.query.get("updatedDateFrom").map_or("", String::as_str);
                assert!(from.is_empty() || from.len() == 10, "the index knows days only: {from}");
                let kinds: Vec<&str> = call.query["voucherType"].split(',').collect();
                if !kinds.iter().all(|kind| ["invoice", "creditnote"].contains(kind)) {
                    return error(400, "Bad Request");
                }
                let all = [("invoice", &self.invoices), ("creditnote", &self.credit_notes)];
                let whose = call.query.get("contactId");
                let asked: Vec<&str> = call.query["voucherStatus"].split(',').collect();
                // They stand for themselves.
                if asked.len() > 1 && (asked.contains(&"overdue") || asked.contains(&"any")) {
                    return error(400, "Bad Request");
                }
                let wanted = |voucher: &&Value| {
                    voucher["updatedDate"].as_str().unwrap() >= from
                        && whose.is_none_or(|whose| voucher["address"]["contactId"] == *whose)
                        && (asked == ["any"] || asked.contains(&voucher["voucherStatus"].as_str().unwrap()))
                };
                let entry = |kind: &str, voucher: &Value| {
                    json!({"id": voucher["id"], "voucherType": kind, "voucherNumber": voucher["voucherNumber"],
                           "voucherStatus": voucher["voucherStatus"],
                           "voucherDate": voucher["voucherDate"], "updatedDate": voucher["updatedDate"],
                           "contactId": voucher["address"]["contactId"]})
                };
                let mut found = Vec::new();
                for (kind, vouchers) in all.into_iter().filter(|(kind, _)| kinds.contains(kind)) {
                    found.extend(vouchers.iter().filter(wanted).map(|voucher| entry(kind, voucher)));
                }
                self.page(&found, call)
            }
            ("GET", ["invoices", id]) if self.broken.contains_key(*id) => error(self.broken[*id], "Broken"),
            ("GET", ["credit-notes", id]) => {
                let found = self.credit_notes.iter().find(|note| note["id"] == *id);
                found.map_or_else(|| error(404, "Not Found"), |note| Answer::new(200, note.clone()))
            }
            ("GET", ["invoices", id]) => {
                let found = self.invoices.iter().find(|invoice| invoice["id"] == *id);
                found.map_or_else(|| error(404, "Not Found"), |invoice| Answer::new(200, invoice.clone()))
            }
            _ => error(404, "Not Found"),
        }
    }
}

fn error(status: u16, text: &str) -> Answer {
    Answer::new(status, json!({"timestamp": "2026-11-21T12:00:00Z", "status": status, "error": text, "message": "No."}))
}

fn contact(number: usize) -> Value {
    json!({
        "id": format!("c0000000-0000-4000-8000-{number:012}"), "version": 1, "roles": {"customer": {"number": 20_000 + number}},
        "person": {"salutation": "Frau", "firstName": "Erika", "lastName": format!("Beispiel{number}")},
        "addresses": {"billing": [{"street": format!("Lindenweg {}", number + 1), "zip": "10115", "city": "Berlin", "countryCode": "DE"}]},
        "emailAddresses": {"private": [format!("Kunde{number}@example.org")]}, "archived": false,
    })
}

/// A credit note for the customer of this number.
pub fn credit_note(number: usize, status: &str) -> Value {
    let mut note = invoice(number);
    note.as_object_mut().unwrap().remove("dueDate");
    (note["id"], note["voucherStatus"]) = (json!(format!("f0000000-0000-4000-8000-{number:012}")), json!(status));
    note["voucherNumber"] = json!(format!("GS{number}"));
    note
}

fn invoice(number: usize) -> Value {
    json!({
        "id": format!("e0000000-0000-4000-8000-{number:012}"), "voucherStatus": "paid", "voucherNumber": format!("RE{}", 1000 + number),
        "voucherDate": "2026-03-02T00:00:00.000+01:00", "createdDate": "2026-03-02T10:00:00.000+01:00",
        "updatedDate": "2026-03-05T10:00:00.000+01:00", "dueDate": "2026-03-16T00:00:00.000+01:00",
        "address": {
            "contactId": format!("c0000000-0000-4000-8000-{number:012}"), "name": format!("Erika Beispiel{number}"),
            "street": format!("Lindenweg {}", number + 1), "zip": "10115", "city": "Berlin", "countryCode": "DE",
        },
        "lineItems": [{"type": "custom", "name": "Tee", "quantity": 1, "unitPrice": {"grossAmount": 19.9}, "lineItemAmount": 19.9}],
        "totalPrice": {"currency": "EUR", "totalNetAmount": 16.72, "totalGrossAmount": 19.9, "totalTaxAmount": 3.18},
    })
}

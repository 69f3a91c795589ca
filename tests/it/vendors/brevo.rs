//! Brevo: contacts and lists. It takes one key in a header of its own, ten calls a second, 150 addresses at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct Brevo {
    /// Contacts by mail address: their lists and attributes.
    pub contacts: BTreeMap<String, (Vec<u64>, Value)>,
    /// Is the key in force?
    pub key_is_revoked: bool,
    recent: Vec<i64>,
}

impl Brevo {
    /// Who is in list 12.
    pub fn listed(&self) -> Vec<String> {
        self.contacts.iter().filter(|(_, (lists, _))| lists.contains(&12)).map(|(mail, _)| mail.clone()).collect()
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(status, json!({"code": code, "message": "as the vendor words it"}))
}

impl Vendor for Brevo {
    fn answer(&mut self, call: &Call) -> Answer {
        self.recent.retain(|at| call.now - at < 1_000_000);
        if self.recent.len() >= 10 {
            return error(429, "too_many_requests").with("x-sib-ratelimit-reset", "1");
        }
        self.recent.push(call.now);
        if self.key_is_revoked || call.header("api-key") != "xkeysib-1" {
            return error(401, "unauthorized");
        }
        let Some(path) = call.path.strip_prefix("/v3/contacts") else { return error(404, "document_not_found") };
        match (call.method.as_str(), path) {
            ("GET", "/lists/12") => Answer::new(200, json!({"id": 12, "name": "Newsletter"})),
            ("POST", "") => {
                let Some(mail) = call.body["email"].as_str().filter(|mail| mail.contains('@')) else {
                    return error(400, "invalid_parameter");
                };
                let mail = mail.to_lowercase();
                if self.contacts.contains_key(&mail) && call.body["updateEnabled"] != true {
                    return error(400, "duplicate_parameter");
                }
                let Some(lists) = call.body["listIds"].as_array() else { return error(400, "missing_parameter") };
                let entry = self.contacts.entry(mail).or_default();
                for list in lists.iter().map(|list| list.as_u64().unwrap()) {
                    if !entry.0.contains(&list) {
                        entry.0.push(list);
                    }
                }
                entry.1 = call.body["attributes"].clone();
                Answer::new(201, json!({"id": 7}))
            }
            ("POST", "/lists/12/contacts/remove") => {
                let mails = call.body["emails"].as_array().cloned().unwrap_or_default();
                if mails.is_empty() || mails.len() > 150 {
                    return error(400, "invalid_parameter");
                }
                for mail in mails {
                    match self.contacts.get_mut(&mail.as_str().unwrap().to_lowercase()) {
                        Some((lists, _)) if lists.contains(&12) => lists.retain(|list| *list != 12),
                        _ => return error(400, "invalid_parameter"),
                    }
                }
                Answer::new(201, json!({"contacts": {"success": [], "failure": []}}))
            }
            ("GET", path) => {
                let mail = decoded(path);
                match self.contacts.get(&mail) {
                    Some((lists, attributes)) => {
                        let known = json!({"id": id(&mail), "email": mail, "listIds": lists, "attributes": attributes});
                        Answer::new(200, known)
                    }
                    None => error(404, "document_not_found"),
                }
            }
            ("DELETE", path) => {
                let wanted = decoded(path);
                let found =
                    self.contacts.keys().find(|mail| id(mail).to_string() == wanted || **mail == wanted).cloned();
                match found.and_then(|mail| self.contacts.remove(&mail)) {
                    Some(_) => Answer::new(204, Value::Null),
                    None => error(404, "document_not_found"),
                }
            }
            _ => error(405, "method_not_allowed"),
        }
    }
}

/// A number for an address.
fn id(mail: &str) -> u64 {
    mail.bytes().fold(17, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 1_000_003)
}

fn decoded(path: &str) -> String {
    super::decoded(path.trim_start_matches('/')).to_lowercase()
}

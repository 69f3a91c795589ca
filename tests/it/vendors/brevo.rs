//! Brevo: contacts and lists. It takes one key in a header of its own, ten calls a second, 150 addresses at once off a list. An import
//! is a process: it is carried out while it is asked how far it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe};
use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct Brevo {
    /// Contacts by mail address: their lists and attributes.
    pub contacts: BTreeMap<String, (Vec<u64>, Value)>,
    /// Who unsubscribed or is blocked: the vendor's code for why, and since when.
    pub blocked: BTreeMap<String, (&'static str, String)>,
    /// Who left list 12 alone, by themselves.
    pub left: BTreeSet<String>,
    /// How often a process is looked at before it ends; at least three times.
    pub process_looks: usize,
    /// Is the key in force?
    pub key_is_revoked: bool,
    /// Do processes end badly?
    pub processes_fail: bool,
    /// Marketing webhooks.
    pub hooks: Vec<Value>,
    processes: Vec<Process>,
    recent: Vec<i64>,
}

/// An import: who is to be added, to which lists, and how often it was looked at.
struct Process {
    contacts: Vec<Value>,
    lists: Vec<u64>,
    looks: usize,
}

impl Brevo {
    /// Tells whoever wants to know of it that something happened to somebody; nobody signs it.
    pub fn tell(&self, event: &str, mail: &str, at: i64) -> Vec<Delivery> {
        let body = json!({"id": 22_770, "camp_id": 3, "email": mail, "event": event, "list_id": [12], "ts_event": at, "tag": ""});
        let tell = |hook: &Value| {
            let token = format!("Bearer {}", hook["auth"]["token"].as_str().unwrap());
            Delivery::json(hook["url"].as_str().unwrap(), &body).with("authorization", token)
        };
        self.hooks.iter().map(tell).collect()
    }

    fn add_hook(&mut self, asked: &Value) -> Answer {
        let events: Vec<&str> = asked["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let known =
            ["spam", "opened", "click", "hardBounce", "softBounce", "unsubscribed", "listAddition", "delivered"];
        let right =
            asked["type"] == "marketing" && asked["auth"]["type"] == "bearer" && asked["auth"]["token"].is_string();
        if !right
            || events.is_empty()
            || !events.iter().all(|event| known.contains(event))
            || !is_safe(asked["url"].as_str().unwrap())
        {
            return error(400, "invalid_parameter");
        }
        let mut hook = asked.clone();
        hook["id"] = json!(22_770 + self.hooks.len());
        self.hooks.push(hook.clone());
        Answer::new(201, json!({"id": hook["id"]}))
    }

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
        if let Some(number) = call.path.strip_prefix("/v3/processes/") {
            return self.process(number);
        }
        if call.path == "/v3/smtp/blockedContacts" && call.method == "GET" {
            return self.blocked_page(call);
        }
        if let Some(path) = call.path.strip_prefix("/v3/webhooks") {
            return match (call.method.as_str(), path) {
                // Where there is none, nothing is found.
                ("GET", "") if self.hooks.is_empty() => error(404, "document_not_found"),
                ("GET", "") => {
                    assert_eq!(call.query["type"], "marketing", "the others are of mails that belong to orders");
                    Answer::new(200, json!({"webhooks": self.hooks}))
                }
                ("POST", "") => self.add_hook(&call.body),
                ("DELETE", id) => {
                    self.hooks.retain(|hook| hook["id"].as_u64() != id.trim_start_matches('/').parse().ok());
                    Answer::new(204, Value::Null)
                }
                _ => error(405, "method_not_allowed"),
            };
        }
        let Some(path) = call.path.strip_prefix("/v3/contacts") else { return error(404, "document_not_found") };
        match (call.method.as_str(), path) {
            ("GET", "/lists/12") => Answer::new(200, json!({"id": 12, "name": "Newsletter"})),
            ("GET", "") => self.page(call),
            ("POST", "/import") => self.import(&call.body),
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
                        let blocked = self.blocked.contains_key(&mail);
                        let known = json!({"id": id(&mail), "email": mail, "listIds": lists, "attributes": attributes,
                            "emailBlacklisted": blocked,
                            "listUnsubscribed": self.left.get(&mail).map(|_| 12).into_iter().collect::<Vec<u64>>()});
                        Answer::new(200, known)
                    }
                    None => error(404, "document_not_found"),
                }
            }
            ("PUT", path) => {
                let wanted = decoded(path);
                let found =
                    self.contacts.keys().find(|mail| id(mail).to_string() == wanted || **mail == wanted).cloned();
                let Some(mail) = found else { return error(404, "document_not_found") };
                assert!(call.body.as_object().unwrap().keys().all(|key| key == "emailBlacklisted"), "{}", call.body);
                let at = jiff::Timestamp::from_microsecond(call.now).unwrap().to_string();
                if call.body["emailBlacklisted"] == true {
                    self.blocked.insert(mail, ("adminBlocked", at));
                } else {
                    self.blocked.remove(&mail);
                }
                Answer::new(204, Value::Null)
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

impl Brevo {
    /// All contacts, the oldest first.
    fn page(&self, call: &Call) -> Answer {
        let (limit, offset) = (call.number("limit").unwrap_or(50), call.number("offset").unwrap_or(0));
        if limit > 1_000 || call.query.get("sort").map(String::as_str) != Some("asc") {
            return error(400, "invalid_parameter");
        }
        let contacts =
            self.contacts.iter().skip(usize::try_from(offset).unwrap()).take(usize::try_from(limit).unwrap());
        let contacts = contacts.map(|(mail, (lists, _))| {
            let left: Vec<u64> = self.left.get(mail).map(|_| 12).into_iter().collect();
            json!({"id": id(mail), "email": mail, "emailBlacklisted": self.blocked.contains_key(mail), "listIds": lists,
                "listUnsubscribed": left})
        });
        Answer::new(200, json!({"contacts": contacts.collect::<Vec<_>>(), "count": self.contacts.len()}))
    }

    /// Who is blocked, and why, the oldest first.
    fn blocked_page(&self, call: &Call) -> Answer {
        let (limit, offset) = (call.number("limit").unwrap_or(50), call.number("offset").unwrap_or(0));
        let newest_first = call.query.get("sort").map(String::as_str) == Some("desc");
        if limit > 100 || (!newest_first && call.query.get("sort").map(String::as_str) != Some("asc")) {
            return error(400, "invalid_parameter");
        }
        let mut all: Vec<_> = self.blocked.iter().collect();
        if newest_first {
            all.sort_by(|(_, (_, one)), (_, (_, other))| other.cmp(one));
        }
        let some = all.into_iter().skip(usize::try_from(offset).unwrap()).take(usize::try_from(limit).unwrap());
        let some = some.map(|(mail, (code, at))| {
            json!({"email": mail, "senderEmail": "post@shop.example", "blockedAt": at,
                "reason": {"code": code, "message": "as the vendor words it"}})
        });
        Answer::new(200, json!({"contacts": some.collect::<Vec<_>>(), "count": self.blocked.len()}))
    }

    fn import(&mut self, body: &Value) -> Answer {
        let contacts = body["jsonBody"].as_array().cloned().unwrap_or_default();
        let mails = contacts.iter().all(|one| one["email"].as_str().is_some_and(|mail| mail.contains('@')));
        let lists: Option<Vec<u64>> =
            body["listIds"].as_array().map(|all| all.iter().filter_map(Value::as_u64).collect());
        let Some(lists) = lists.filter(|lists| !lists.is_empty() && mails && !contacts.is_empty()) else {
            return error(400, "missing_parameter");
        };
        assert!(body.to_string().len() < 8 << 20, "an import is larger than 8 MB");
        assert!(body.get("emailBlacklist").is_none(), "an import that speaks of blocking could lift it");
        self.processes.push(Process { contacts, lists, looks: 0 });
        Answer::new(202, json!({"processId": self.processes.len()}))
    }

    fn process(&mut self, number: &str) -> Answer {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let (fails, most) = (self.processes_fail, self.process_looks);
        let Some(process) = index.and_then(|index| self.processes.get_mut(index)) else {
            return error(404, "document_not_found");
        };
        process.looks += 1;
        let status = match process.looks {
            1 => "queued",
            2 => "in_process",
            looks if looks < most => "in_process",
            _ if fails => "failed",
            _ => "completed",
        };
        if status == "completed" {
            for one in std::mem::take(&mut process.contacts) {
                let entry = self.contacts.entry(one["email"].as_str().unwrap().to_lowercase()).or_default();
                for list in &process.lists {
                    if !entry.0.contains(list) {
                        entry.0.push(*list);
                    }
                }
                entry.1 = one["attributes"].clone();
            }
        }
        Answer::new(200, json!({"id": number.parse::<u64>().unwrap(), "name": "IMPORTUSER", "status": status}))
    }
}

/// A number for an address.
fn id(mail: &str) -> u64 {
    mail.bytes().fold(17, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 1_000_003)
}

fn decoded(path: &str) -> String {
    super::decoded(path.trim_start_matches('/')).to_lowercase()
}

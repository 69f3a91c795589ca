//! "Teekontor", the vendor of `docs/adding-a-connector.md`: as that page describes its interface.

mod grants;
mod orders;
mod reports;

pub use grants::Grants;
pub use orders::Orders;
pub use reports::Reports;
use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// The shop.
pub struct Teekontor {
    /// Customers.
    pub customers: Vec<Value>,
    /// Is the token in force?
    pub token_is_valid: bool,
    /// Subscriptions.
    pub hooks: Vec<Value>,
    /// Tokens.
    pub grants: Grants,
    /// Files of them.
    pub reports: Reports,
    /// Wishes to forget a customer, which are carried out at the third look: whom, and looks.
    pub wishes: Vec<(u64, u32)>,
    /// Does it fail to carry them out?
    pub forgets_nobody: bool,
    /// Their orders.
    pub orders: Orders,
    most: usize,
    recent: Vec<i64>,
}

impl Teekontor {
    /// With so many customers, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let (customers, orders) = ((0..count).map(customer).collect(), Orders::default());
        Self {
            customers,
            token_is_valid: true,
            grants: Grants::default(),
            reports: Reports::default(),
            wishes: Vec::new(),
            forgets_nobody: false,
            orders,
            hooks: Vec::new(),
            most,
            recent: Vec::new(),
        }
    }
}

impl Teekontor {
    fn look_at_wish(&mut self, path: &str) -> Answer {
        let number: usize = path.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap();
        let (id, looks) = &mut self.wishes[number - 1];
        *looks += 1;
        let state = match (self.forgets_nobody, *looks >= 3) {
            (true, _) => "failed",
            (false, false) => "working",
            (false, true) => {
                self.customers.retain(|one| one["id"].as_u64() != Some(*id));
                "done"
            }
        };
        Answer::new(200, json!({"state": state}))
    }
}

impl Vendor for Teekontor {
    fn answer(&mut self, call: &Call) -> Answer {
        self.recent.retain(|at| call.now - at < 60_000_000);
        if self.recent.len() >= 60 {
            return Answer::new(429, Value::Null).with("retry-after", "60");
        }
        self.recent.push(call.now);
        if call.path == "/oauth/token" {
            return self.grants.hand_out(call);
        }
        let authorization = call.header("authorization");
        let known = authorization == "Token a-token-of-tee" || self.grants.knows(authorization, call.now);
        if call.path.starts_with("/files/") {
            return self.reports.file(call, &self.customers, known && self.token_is_valid);
        }
        if !self.token_is_valid || !known {
            return Answer::new(401, json!({"error": "token"}));
        }
        let asked = |name: &str| call.query.get(name).map(String::as_str);
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/v2/customers") => {
                if call.stray(&["limit", "cursor", "changed_since", "email"]).is_some() {
                    return Answer::new(400, json!({"error": "unknown parameter"}));
                }
                let mail = asked("email").map(str::to_lowercase);
                let wanted = |one: &&Value| {
                    let since = asked("changed_since").is_none_or(|since| one["changed"].as_str().unwrap() >= since);
                    since && mail.as_ref().is_none_or(|mail| one["mail"].as_str().unwrap().to_lowercase() == *mail)
                };
                let found: Vec<&Value> = self.customers.iter().filter(wanted).collect();
                let start = asked("cursor").map_or(0, |cursor| cursor.trim_start_matches('c').parse().unwrap());
                let size =
                    call.number("limit").map_or(self.most, |limit| usize::try_from(limit).unwrap().min(self.most));
                let items: Vec<&&Value> = found.iter().skip(start).take(size).collect();
                let end = start + items.len();
                let next = (end < found.len()).then(|| format!("c{end}"));
                Answer::new(200, json!({"items": items, "next": next}))
            }
            ("GET", "/v2/hooks") => {
                let ours =
                    self.hooks.iter().filter(|hook| asked("address").is_none_or(|address| hook["url"] == address));
                Answer::new(200, json!({"hooks": ours.collect::<Vec<_>>()}))
            }
            ("POST", "/v2/hooks") => {
                let mut hook = call.body.clone();
                assert_eq!(hook["secret"].as_str().map(str::len), Some(40));
                (hook["id"], hook["state"]) = (json!(self.hooks.len() + 1), json!("on"));
                self.hooks.push(hook.clone());
                Answer::new(201, hook)
            }
            ("DELETE", path) if path.starts_with("/v2/hooks/") => {
                self.hooks.retain(|hook| hook["id"].as_u64() != path.trim_start_matches("/v2/hooks/").parse().ok());
                Answer::new(204, Value::Null)
            }
            ("GET", "/v2/customer-ids") => {
                let start = usize::try_from(call.number("after").unwrap_or(0)).unwrap();
                let ids: Vec<&Value> =
                    self.customers.iter().map(|one| &one["id"]).skip(start).take(self.most).collect();
                let end = start + ids.len();
                Answer::new(200, json!({"ids": ids, "next": (end < self.customers.len()).then_some(end)}))
            }
            ("POST", "/v2/reports") => self.reports.make(call),
            ("GET", path) if path.starts_with("/v2/reports/") => self.reports.show(path),
            ("GET", path) if path.starts_with("/v2/documents/") => self.reports.document(path),
            ("GET", "/v2/orders") => self.orders.list(call),
            ("DELETE", path) if path.starts_with("/v2/orders/") => self.orders.delete(call),
            ("POST", path) if path.ends_with("/forget") => {
                let id = path.split('/').nth(3).and_then(|id| id.parse().ok()).unwrap();
                self.wishes.push((id, 0));
                Answer::new(202, json!({"job": self.wishes.len()}))
            }
            ("GET", path) if path.starts_with("/v2/jobs/") => self.look_at_wish(path),
            ("PATCH", path) => {
                let id: Option<u64> = path.strip_prefix("/v2/customers/").and_then(|id| id.parse().ok());
                let Some(found) = self.customers.iter_mut().find(|one| one["id"].as_u64() == id) else {
                    return Answer::new(404, json!({"error": "unknown"}));
                };
                found["newsletter"]["state"] = call.body["newsletter"]["state"].clone();
                Answer::new(200, found.clone())
            }
            ("DELETE", path) => {
                let id: Option<u64> = path.strip_prefix("/v2/customers/").and_then(|id| id.parse().ok());
                match self.customers.iter().position(|one| one["id"].as_u64() == id) {
                    Some(at) => {
                        self.customers.remove(at);
                        Answer::new(204, Value::Null)
                    }
                    None => Answer::new(404, json!({"error": "unknown"})),
                }
            }
            _ => Answer::new(404, json!({"error": "unknown"})),
        }
    }
}

fn customer(number: usize) -> Value {
    json!({
        "id": 40 + number, "mail": format!("Kunde{number}@example.org"), "mail_confirmed": true, "first": "Erika",
        "last": format!("Beispiel{number}"), "changed": "2026-06-03T08:15:00Z", "since": "2026-01-20", "home": null,
        "newsletter": {"state": "confirmed", "asked": "2026-01-20T10:00:00Z", "confirmed": "2026-01-20T10:04:11Z"},
    })
}

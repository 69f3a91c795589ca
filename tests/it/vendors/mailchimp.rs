//! Mailchimp: one audience that is used, and another one. Five hundred members at once; archiving deletes nothing, and who was deleted for good is never
//! taken again.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe};
use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct Mailchimp {
    /// Members by mail address: status and merge fields.
    pub members: BTreeMap<String, (String, Value)>,
    /// Addresses that were deleted for good.
    pub gone: BTreeSet<String>,
    /// Members of the other audience.
    pub elsewhere: BTreeSet<String>,
    /// Customers of connected shops, each with the shop and the mail address.
    pub shoppers: Vec<(&'static str, String)>,
    /// Orders there: shop, id of the order, and number of the customer.
    pub orders: Vec<(&'static str, &'static str, usize)>,
    /// Carts there: shop, id of the cart, and number of the customer.
    pub carts: Vec<(&'static str, String, usize)>,
    /// Orders it fails to delete.
    pub jammed: BTreeSet<&'static str>,
    /// Whom it does not let go, although it says so.
    pub keeps: BTreeSet<String>,
    /// Is the key in force?
    pub key_is_revoked: bool,
    /// Webhooks of the audience.
    pub hooks: Vec<Value>,
}

impl Mailchimp {
    /// Tells whoever wants to know that somebody unsubscribed, and in which way. It is a form, and nobody signs it.
    pub fn tell(&self, mail: &str, action: &str) -> Vec<Delivery> {
        let hooks = self.hooks.iter().filter(|hook| hook["events"]["unsubscribe"] == true);
        let form = [
            ("type", "unsubscribe"),
            ("fired_at", "2026-03-07 13:40:01"),
            ("data[action]", action),
            ("data[reason]", "manual"),
            ("data[id]", "8a25ff1d98"),
            ("data[email]", mail),
            ("data[merges][FNAME]", "Anna"),
            ("data[list_id]", "a1b2c3d4e5"),
        ];
        hooks.map(|hook| Delivery::form(hook["url"].as_str().unwrap(), &form)).collect()
    }

    /// A new webhook is tried at once.
    fn add_hook(&mut self, asked: &Value) -> Answer {
        let address = asked["url"].as_str().unwrap_or_default();
        if !is_safe(address)
            || self.hooks.iter().any(|hook| hook["url"] == address)
            || Delivery::trial(address).send().0 != 200
        {
            return problem(400, "Invalid Resource");
        }
        let mut hook = asked.clone();
        hook["id"] = json!(format!("hook{}", self.hooks.len()));
        self.hooks.push(hook.clone());
        Answer::new(200, hook)
    }

    /// Who is subscribed.
    pub fn listed(&self) -> Vec<String> {
        let subscribed = self.members.iter().filter(|(_, (status, _))| status == "subscribed");
        subscribed.map(|(mail, _)| mail.clone()).collect()
    }
}

fn problem(status: u16, title: &str) -> Answer {
    let body = json!({"type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title, "status": status,
        "detail": "", "instance": "1"});
    Answer::new(status, body)
}

impl Vendor for Mailchimp {
    fn answer(&mut self, call: &Call) -> Answer {
        let pair =
            call.header("authorization").strip_prefix("Basic ").and_then(|pair| BASE64_STANDARD.decode(pair).ok());
        let key = pair.and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default();
        if self.key_is_revoked || key.split_once(':').map(|(_, key)| key) != Some("0a1b2c-us10") {
            return problem(401, "API Key Invalid");
        }
        if call.path == "/3.0/lists" {
            return Answer::new(200, json!({"lists": [{"id": "a1b2c3d4e5"}, {"id": "f6e7d8c9b0"}], "total_items": 2}));
        }
        if let Some(path) = call.path.strip_prefix("/3.0/ecommerce/stores") {
            return self.shop(call, path.trim_start_matches('/'));
        }
        if let Some(path) = call.path.strip_prefix("/3.0/lists/f6e7d8c9b0/members/") {
            return self.member_elsewhere(&call.method, path);
        }
        let Some(path) = call.path.strip_prefix("/3.0/lists/a1b2c3d4e5") else {
            return problem(404, "Resource Not Found");
        };
        match (call.method.as_str(), path) {
            ("GET", "") => Answer::new(200, json!({"id": "a1b2c3d4e5", "name": "Newsletter"})),
            ("POST", "") => self.batch(&call.body),
            ("GET", "/webhooks") => Answer::new(200, json!({"webhooks": self.hooks})),
            ("POST", "/webhooks") => self.add_hook(&call.body),
            ("DELETE", path) if path.starts_with("/webhooks/") => {
                let id = path.trim_start_matches("/webhooks/");
                self.hooks.retain(|hook| hook["id"] != id);
                Answer::new(204, Value::Null)
            }
            ("GET", "/members") => {
                let wanted = call.query.get("status").map_or("", String::as_str);
                let (count, offset) = (call.number("count").unwrap_or(10), call.number("offset").unwrap_or(0));
                if count > 1_000 {
                    return problem(400, "Invalid Resource");
                }
                let found = self.members.iter().filter(|(_, (status, _))| status == wanted);
                let found = found.skip(usize::try_from(offset).unwrap()).take(usize::try_from(count).unwrap());
                let found = found.map(|(mail, (status, _))| json!({"email_address": mail, "status": status}));
                Answer::new(200, json!({"members": found.collect::<Vec<_>>()}))
            }
            (method, path) => self.member(method, path, &call.body),
        }
    }
}

impl Mailchimp {
    fn batch(&mut self, body: &Value) -> Answer {
        let members = body["members"].as_array().cloned().unwrap_or_default();
        if members.len() > 500 {
            return problem(400, "Invalid Resource");
        }
        let (mut new, mut errors) = (Vec::new(), Vec::new());
        for member in members {
            let mail = member["email_address"].as_str().unwrap().to_lowercase();
            let unsubscribed = self.members.get(&mail).is_some_and(|(status, _)| status == "unsubscribed");
            if self.gone.contains(&mail) || unsubscribed || body["update_existing"] != true {
                errors.push(json!({"email_address": mail, "error": "not allowed", "error_code": "ERROR_GENERIC"}));
                continue;
            }
            self.members
                .insert(mail.clone(), (member["status"].as_str().unwrap().to_owned(), member["merge_fields"].clone()));
            new.push(json!({"email_address": mail}));
        }
        Answer::new(200, json!({"new_members": new, "updated_members": [], "errors": errors}))
    }

    fn shop(&mut self, call: &Call, path: &str) -> Answer {
        let shown = |number: usize, mail: &str| json!({"id": format!("c{number}"), "email_address": mail});
        let numbered = self.shoppers.iter().enumerate();
        match (call.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", [""]) => Answer::new(200, json!({"stores": [{"id": "shop1"}, {"id": "shop2"}], "total_items": 2})),
            ("GET", [shop, "customers"]) => {
                let wanted = call.query.get("email_address").map(|mail| mail.to_lowercase());
                let asked = |mail: &str| wanted.as_ref().is_none_or(|wanted| *wanted == mail.to_lowercase());
                let found = numbered.filter(|(_, (of, mail))| of == shop && asked(mail));
                let found: Vec<Value> = found.map(|(number, (_, mail))| shown(number, mail)).collect();
                Answer::new(200, json!({"store_id": shop, "customers": found, "total_items": found.len()}))
            }
            ("GET", [shop, "customers", id]) => {
                let found = numbered.filter(|(number, (of, _))| of == shop && format!("c{number}") == **id);
                let mut found = found.map(|(number, (_, mail))| Answer::new(200, shown(number, mail)));
                found.next().unwrap_or_else(|| problem(404, "Resource Not Found"))
            }
            ("GET", [shop, "orders"]) => {
                let wanted = call.query.get("customer_id");
                let of = |number: usize| wanted.is_none_or(|wanted| *wanted == format!("c{number}"));
                let found = self.orders.iter().filter(|(at, _, number)| at == shop && of(*number));
                let found = found
                    .map(|(_, id, number)| json!({"id": id, "customer": shown(*number, &self.shoppers[*number].1)}));
                Answer::new(200, json!({"store_id": shop, "orders": found.collect::<Vec<_>>()}))
            }
            // By nobody.
            ("GET", [shop, "carts"]) if call.stray(&["count", "offset", "fields"]).is_none() => {
                let (count, offset) = (call.number("count").unwrap_or(10), call.number("offset").unwrap_or(0));
                if count > 1_000 {
                    return problem(400, "Invalid Resource");
                }
                let of: Vec<_> = self.carts.iter().filter(|(at, _, _)| at == shop).collect();
                let page = of.iter().skip(usize::try_from(offset).unwrap()).take(usize::try_from(count).unwrap());
                let page = page.map(|(_, id, number)| match self.shoppers[*number].1.as_str() {
                    "" => json!({"id": id, "customer": {"id": format!("c{number}")}}),
                    mail => json!({"id": id, "customer": shown(*number, mail)}),
                });
                let page = page.collect::<Vec<_>>();
                Answer::new(200, json!({"store_id": shop, "carts": page, "total_items": of.len()}))
            }
            ("DELETE", [_, "carts", id]) if self.jammed.contains(id) => problem(500, "Internal Server Error"),
            ("DELETE", [shop, "carts", id]) => {
                let before = self.carts.len();
                self.carts.retain(|(at, cart, _)| at != shop || cart != id);
                if self.carts.len() < before {
                    Answer::new(204, Value::Null)
                } else {
                    problem(404, "Resource Not Found")
                }
            }
            ("DELETE", [_, "orders", id]) if self.jammed.contains(id) => problem(500, "Internal Server Error"),
            ("DELETE", [shop, "orders", id]) => {
                let before = self.orders.len();
                self.orders.retain(|(at, order, _)| at != shop || order != id);
                if self.orders.len() < before {
                    Answer::new(204, Value::Null)
                } else {
                    problem(404, "Resource Not Found")
                }
            }
            ("DELETE", [shop, "customers", id]) => {
                let gone = numbered.filter(|(number, (of, _))| of == shop && format!("c{number}") == **id);
                let Some(gone) = gone.map(|(number, _)| number).next() else {
                    return problem(404, "Resource Not Found");
                };
                // Its place stays, so that the ids of the others do.
                self.shoppers[gone] = ("", String::new());
                Answer::new(204, Value::Null)
            }
            _ => problem(404, "Resource Not Found"),
        }
    }

    fn member_elsewhere(&mut self, method: &str, path: &str) -> Answer {
        let (wanted, action) = path.split_once('/').unwrap_or((path, ""));
        let wanted = super::decoded(wanted).to_lowercase();
        let found = self.elsewhere.iter().find(|mail| hash(mail) == wanted || **mail == wanted).cloned();
        let Some(mail) = found else { return problem(404, "Resource Not Found") };
        match (method, action) {
            ("GET", "") => Answer::new(200, json!({"id": hash(&mail), "email_address": mail, "status": "archived"})),
            ("POST", "actions/delete-permanent") => {
                self.elsewhere.remove(&mail);
                Answer::new(204, Value::Null)
            }
            _ => problem(405, "Method Not Allowed"),
        }
    }

    fn member(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let Some(rest) = path.strip_prefix("/members/") else { return problem(404, "Resource Not Found") };
        let (wanted, action) = rest.split_once('/').unwrap_or((rest, ""));
        let wanted = super::decoded(wanted).to_lowercase();
        let found = self.members.keys().find(|mail| hash(mail) == wanted || **mail == wanted).cloned();
        let Some(mail) = found else { return problem(404, "Resource Not Found") };
        match (method, action) {
            ("GET", "") => {
                let (status, fields) = &self.members[&mail];
                let member =
                    json!({"id": hash(&mail), "email_address": mail, "status": status, "merge_fields": fields});
                Answer::new(200, member)
            }
            ("PATCH", "") => {
                assert_eq!(*body, json!({"status": "unsubscribed"}));
                if !self.keeps.contains(&mail) {
                    self.members.get_mut(&mail).unwrap().0 = "unsubscribed".to_owned();
                }
                Answer::new(200, json!({"id": hash(&mail), "email_address": mail, "status": "unsubscribed"}))
            }
            ("DELETE", "") if self.keeps.contains(&mail) => Answer::new(204, Value::Null),
            ("DELETE", "") => {
                self.members.get_mut(&mail).unwrap().0 = "archived".to_owned();
                Answer::new(204, Value::Null)
            }
            ("POST", "actions/delete-permanent") => {
                self.members.remove(&mail);
                self.gone.insert(mail);
                Answer::new(204, Value::Null)
            }
            _ => problem(405, "Method Not Allowed"),
        }
    }
}

/// In the place of the vendor's hash.
fn hash(mail: &str) -> String {
    hex::encode(mail)
}

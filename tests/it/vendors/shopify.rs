//! A Shopify shop: a token in a header of its own, pages by a link that allows nothing beside it, a bucket of calls, a throttle
//! of GraphQL in a reply of status 200, and erasures that are only taken in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe, mac};
use super::{Answer, Call, Vendor, place};

/// The shop.
pub struct Shop {
    /// Customers.
    pub customers: Vec<Value>,
    /// Orders.
    pub orders: Vec<Value>,
    /// Customers whose erasure was asked for.
    pub to_erase: Vec<String>,
    /// When each of those was asked for.
    asked_at: Vec<(u64, i64)>,
    /// What it has to tell every app of those it redacted since.
    pub redacted: Vec<Value>,
    /// Which shop it is.
    pub id: u64,
    /// Is the token in force?
    pub token_is_valid: bool,
    /// Throttles the next calls of GraphQL.
    pub throttled: u32,
    /// Links that were handed out before this changed are not valid any more.
    pub era: u32,
    /// The scopes of the app.
    pub scopes: Vec<&'static str>,
    /// Refuses what GraphQL is asked for, with a good status: the body of the reply.
    pub refuses: Option<Value>,
    /// What the app is subscribed to: id, topic, address.
    pub hooks: Vec<(u64, String, String)>,
    /// Calls its bucket holds, which empties in twenty seconds.
    pub bucket: f64,
    /// Calls in it, and since when: others fill it too.
    pub used: (f64, i64),
    /// Calls it refused because the bucket was full.
    pub refused: u32,
    most: usize,
}

/// The API secret key of the app, with which the shop signs.
pub const SECRET: &str = "shpss_0123456789abcdef";

const BASE: &str = "/admin/api/2026-01";

impl Shop {
    /// With so many customers, each with an order, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        Self {
            customers: (0..count).map(customer).collect(),
            orders: (0..count).map(order).collect(),
            to_erase: Vec::new(),
            asked_at: Vec::new(),
            redacted: Vec::new(),
            id: 548_380_009,
            token_is_valid: true,
            throttled: 0,
            era: 0,
            refuses: None,
            scopes: vec!["read_customers", "read_orders"],
            hooks: Vec::new(),
            bucket: 40.0,
            used: (0.0, 0),
            refused: 0,
            most,
        }
    }

    fn list(&self, name: &str, all: &[Value], call: &Call) -> Answer {
        let limit = call.number("limit").unwrap_or(50);
        let others = call.query.keys().any(|key| !["limit", "fields", "page_info"].contains(&key.as_str()));
        let info = call.query.get("page_info");
        if call.stray(&["status", "limit", "fields", "page_info", "updated_at_min"]).is_some() {
            return Answer::new(400, json!({"errors": "Invalid request."}));
        }
        if limit > 250 || call.query.contains_key("page") || (info.is_some() && others) {
            return Answer::new(400, json!({"errors": "Invalid request."}));
        }
        // What a page was asked with goes along in its token.
        let (start, since) = match info {
            Some(info) => {
                let (start, since) = info.split_once('~').unwrap();
                let Some(start) = place(start, self.era) else {
                    return Answer::new(400, json!({"errors": {"page_info": "Invalid value."}}));
                };
                (start, since.to_owned())
            }
            None => (0_usize, call.query.get("updated_at_min").cloned().unwrap_or_default()),
        };
        let instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let changed =
            |one: &&Value| since.is_empty() || instant(one["updated_at"].as_str().unwrap()) >= instant(&since);
        let found: Vec<&Value> = all.iter().filter(changed).collect();
        let size = usize::try_from(limit).unwrap().min(self.most);
        let page: Vec<&&Value> = found.iter().skip(start).take(size).collect();
        let end = start + page.len();
        let mut answer = Answer::new(200, json!({name: page}));
        if end < found.len() {
            let link = format!(
                "<https://teeladen.myshopify.com{BASE}/{name}.json?limit={limit}&page_info={}>; rel=\"next\"",
                format_args!("{}-{end}~{since}", self.era)
            );
            answer = answer.with("link", link);
        }
        answer
    }
}

/// How long after it was asked it redacts somebody.
const REDACTS_AFTER: i64 = 10 * 86_400_000_000;

impl Shop {
    /// Redacts whom it was asked to ten days ago. Their orders keep their amounts.
    pub fn carry_out(&mut self, now: i64) {
        let at = jiff::Timestamp::from_microsecond(now).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let due: Vec<u64> =
            self.asked_at.extract_if(.., |(_, asked)| *asked + REDACTS_AFTER <= now).map(|(id, _)| id).collect();
        for id in due {
            let Some(customer) = self.customers.iter_mut().find(|one| one["id"] == id) else { continue };
            let (email, phone) = (customer["email"].clone(), customer["phone"].clone());
            for field in [
                "email",
                "first_name",
                "last_name",
                "phone",
                "note",
                "default_address",
                "email_marketing_consent",
                "sms_marketing_consent",
            ] {
                customer[field] = Value::Null;
            }
            (customer["addresses"], customer["tags"], customer["updated_at"]) = (json!([]), json!(""), json!(at));
            let mut orders = Vec::new();
            for order in self.orders.iter_mut().filter(|order| order["customer"]["id"] == id) {
                for field in ["email", "customer", "billing_address", "shipping_address"] {
                    order[field] = Value::Null;
                }
                order["updated_at"] = json!(at);
                orders.push(order["id"].clone());
            }
            self.redacted.push(json!({
                "shop_id": self.id, "shop_domain": "teeladen.myshopify.com", "orders_to_redact": orders,
                "customer": {"id": id, "email": email, "phone": phone},
            }));
        }
    }

    /// Tells an app whom it redacted, at the address that stands in the app and that no interface enters.
    pub fn tell_redacted(&mut self, address: &str, at: &str) -> Vec<Delivery> {
        let told = std::mem::take(&mut self.redacted).into_iter();
        told.map(|body| signed(Delivery::json(address, &body), "customers/redact", &format!("r-{at}"), at, &body))
            .collect()
    }

    /// Tells whoever subscribed to it, at `at`. Of a customer it tells neither tags nor consents.
    pub fn tell(&self, topic: &str, body: &Value, at: &str) -> Vec<Delivery> {
        let mut body = body.clone();
        if topic.starts_with("customers/") {
            let kept =
                |key: &String| !["tags", "email_marketing_consent", "sms_marketing_consent"].contains(&key.as_str());
            body.as_object_mut().unwrap().retain(|key, _| kept(key));
        }
        let body = &body;
        let hooks = self.hooks.iter().filter(|(_, of, _)| of == topic);
        let tell = |(id, topic, address): &(u64, String, String)| {
            signed(Delivery::json(address, body), topic, &format!("{id}-{at}"), at, body)
        };
        hooks.map(tell).collect()
    }

    fn webhooks(&mut self, call: &Call) -> Answer {
        let shown = |(id, topic, address): &(u64, String, String)| json!({"id": id, "topic": topic, "address": address, "format": "json"});
        if call.method == "GET" {
            assert!(call.number("limit").unwrap_or(50) <= 250);
            let wanted = call.query.get("address");
            let found = self.hooks.iter().filter(|(_, _, address)| wanted.is_none_or(|wanted| wanted == address));
            return Answer::new(200, json!({"webhooks": found.map(shown).collect::<Vec<_>>()}));
        }
        let wanted = &call.body["webhook"];
        let (topic, address) =
            (wanted["topic"].as_str().unwrap_or_default(), wanted["address"].as_str().unwrap_or_default());
        let known = [
            "customers/create",
            "customers/update",
            "customers/delete",
            "customers_email_marketing_consent/update",
            "customers_marketing_consent/update",
            "orders/create",
            "orders/updated",
            "orders/delete",
        ];
        // The compliance topics cannot be subscribed like this.
        if !known.contains(&topic) || !is_safe(address) || wanted["format"] != "json" {
            return Answer::new(422, json!({"errors": {"topic": ["Invalid topic specified."]}}));
        }
        if self.hooks.iter().any(|(_, of, at)| of == topic && at == address) {
            return Answer::new(422, json!({"errors": {"address": ["for this topic has already been taken"]}}));
        }
        let hook = (4_759_306 + self.hooks.len() as u64, topic.to_owned(), address.to_owned());
        self.hooks.push(hook.clone());
        Answer::new(201, json!({"webhook": shown(&hook)}))
    }

    /// One more call in the bucket; none if it is full.
    fn fill(&mut self, now: i64) -> Option<String> {
        let (used, since) = self.used;
        let left = used - (now - since) as f64 / 1e6 * self.bucket / 20.0;
        let used = left.max(0.0) + 1.0;
        if used > self.bucket {
            self.refused += 1;
            return None;
        }
        self.used = (used, now);
        Some(format!("{}/{}", used.ceil(), self.bucket))
    }

    /// Sets one of the consents of a customer; that by text message only where there is a phone number.
    fn consent(&mut self, call: &Call, mutation: &str, told: &str, kept: &str) -> Answer {
        let input = &call.body["variables"]["input"];
        let id = input["customerId"].as_str().unwrap().strip_prefix("gid://shopify/Customer/").unwrap();
        let id: u64 = id.parse().unwrap();
        let found = self.customers.iter_mut().find(|one| one["id"] == id).unwrap();
        if kept == "sms_marketing_consent" && !found["phone"].is_string() {
            let errors = json!([{"field": ["input", "smsMarketingConsent"], "message": "A phone number is required to set the SMS consent state."}]);
            return Answer::new(200, json!({"data": {mutation: {"userErrors": errors}}}));
        }
        let state = input[told]["marketingState"].as_str().unwrap().to_lowercase();
        let now = jiff::Timestamp::from_microsecond(call.now).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        found[kept]["state"] = json!(state);
        found[kept]["consent_updated_at"] = json!(now);
        found["updated_at"] = json!(now);
        Answer::new(200, json!({"data": {mutation: {"userErrors": []}}}))
    }
}

impl Vendor for Shop {
    fn answer(&mut self, call: &Call) -> Answer {
        self.carry_out(call.now);
        if !self.token_is_valid || call.header("x-shopify-access-token") != "shpat_0123456789" {
            return Answer::new(
                401,
                json!({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}),
            );
        }
        let Some(path) = call.path.strip_prefix(BASE) else { return Answer::new(404, json!({"errors": "Not Found"})) };
        if path == "/graphql.json" {
            return self.asked(call, path);
        }
        match self.fill(call.now) {
            Some(used) => self.asked(call, path).with("x-shopify-shop-api-call-limit", used),
            None => Answer::new(429, json!({"errors": "Exceeded 2 calls per second for api client."}))
                .with("retry-after", "2.0"),
        }
    }
}

impl Shop {
    fn asked(&mut self, call: &Call, path: &str) -> Answer {
        match (call.method.as_str(), path) {
            ("GET" | "POST", "/webhooks.json") => self.webhooks(call),
            ("DELETE", path) if path.starts_with("/webhooks/") => {
                let id = path.trim_start_matches("/webhooks/").trim_end_matches(".json").parse::<u64>();
                let before = self.hooks.len();
                self.hooks.retain(|(known, _, _)| Ok(*known) != id);
                if self.hooks.len() == before {
                    return Answer::new(404, json!({"errors": "Not Found"}));
                }
                Answer::new(200, json!({}))
            }
            ("GET", "/shop.json") => Answer::new(200, json!({"shop": {"id": self.id}})),
            ("GET", "/customers.json") => self.list("customers", &self.customers, call),
            // Without the status the shop lists open orders alone.
            ("GET", "/orders.json") => {
                let any =
                    call.query.get("status").map(String::as_str) == Some("any") || call.query.contains_key("page_info");
                let orders = if any { self.orders.clone() } else { Vec::new() };
                let call = Call {
                    method: call.method.clone(),
                    path: call.path.clone(),
                    query: call
                        .query
                        .iter()
                        .filter(|(key, _)| *key != "status")
                        .map(|(k, v)| (k.clone(), v.clone()))
                        .collect(),
                    pairs: Vec::new(),
                    headers: call.headers.clone(),
                    body: Value::Null,
                    raw: Vec::new(),
                    now: call.now,
                };
                self.list("orders", &orders, &call)
            }
            ("GET", "/customers/search.json") => {
                let wanted = call.query.get("query").and_then(|query| query.strip_prefix("email:")).unwrap_or_default();
                let wanted = wanted.to_lowercase();
                let found: Vec<&Value> = self
                    .customers
                    .iter()
                    .filter(|one| one["email"].as_str().unwrap_or_default().to_lowercase().contains(&wanted))
                    .collect();
                Answer::new(200, json!({"customers": found}))
            }
            ("GET", path) if path.starts_with("/customers/") => {
                let id = path.trim_start_matches("/customers/").trim_end_matches(".json");
                match self.customers.iter().find(|one| one["id"].as_u64() == id.parse().ok()) {
                    Some(customer) => Answer::new(200, json!({"customer": customer})),
                    None => Answer::new(404, json!({"errors": "Not Found"})),
                }
            }
            ("POST", "/graphql.json") => {
                if self.throttled > 0 {
                    self.throttled -= 1;
                    return Answer::new(
                        200,
                        json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}),
                    );
                }
                if let Some(refusal) = &self.refuses {
                    return Answer::new(200, refusal.clone());
                }
                if call.body["query"].as_str().unwrap().contains("currentAppInstallation") {
                    let scopes: Vec<Value> = self.scopes.iter().map(|scope| json!({"handle": scope})).collect();
                    return Answer::new(200, json!({"data": {"currentAppInstallation": {"accessScopes": scopes}}}));
                }
                for (mutation, told, kept) in [
                    ("customerEmailMarketingConsentUpdate", "emailMarketingConsent", "email_marketing_consent"),
                    ("customerSmsMarketingConsentUpdate", "smsMarketingConsent", "sms_marketing_consent"),
                ] {
                    if call.body["query"].as_str().unwrap().contains(mutation) {
                        return self.consent(call, mutation, told, kept);
                    }
                }
                assert!(call.body["query"].as_str().unwrap().contains("customerRequestDataErasure"));
                let id = call.body["variables"]["id"].as_str().unwrap().to_owned();
                assert!(id.starts_with("gid://shopify/Customer/73"), "{id}");
                self.to_erase.push(id.clone());
                let number = id.trim_start_matches("gid://shopify/Customer/").parse().unwrap();
                self.asked_at.push((number, call.now));
                Answer::new(200, json!({"data": {"customerRequestDataErasure": {"customerId": id, "userErrors": []}}}))
            }
            _ => Answer::new(404, json!({"errors": "Not Found"})),
        }
    }
}

fn signed(delivery: Delivery, topic: &str, id: &str, at: &str, body: &Value) -> Delivery {
    let sign = BASE64_STANDARD.encode(mac(SECRET, &[body.to_string().as_bytes()]));
    delivery
        .with("x-shopify-topic", topic)
        .with("x-shopify-webhook-id", id)
        .with("x-shopify-triggered-at", at)
        .with("x-shopify-hmac-sha256", sign)
}

fn at(number: usize) -> String {
    format!("2026-04-{:02}T10:{:02}:00+02:00", number % 28 + 1, number / 28 % 60)
}

fn address(number: usize) -> Value {
    json!({
        "first_name": "Erika", "last_name": format!("Beispiel{number}"), "company": null, "address2": null, "province": null,
        "address1": format!("Lindenweg {}", number + 1), "zip": "10115", "city": "Berlin", "country_code": "DE", "default": true,
    })
}

/// A customer.
pub fn customer(number: usize) -> Value {
    json!({
        "id": 7_300_000_000_000_u64 + number as u64, "email": format!("kunde{number}@example.org"), "verified_email": true,
        "first_name": "Erika", "last_name": format!("Beispiel{number}"), "phone": null, "created_at": at(number), "updated_at": at(number),
        "tags": "", "note": null, "default_address": address(number), "addresses": [address(number)],
        "email_marketing_consent": {"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": at(number)},
        "sms_marketing_consent": null,
    })
}

/// Their order.
pub fn order(number: usize) -> Value {
    json!({
        "id": 5_600_000_000_000_u64 + number as u64, "name": format!("#{}", 1001 + number), "order_number": 1001 + number,
        "email": format!("kunde{number}@example.org"), "created_at": at(number), "processed_at": at(number), "updated_at": at(number),
        "cancelled_at": null, "financial_status": "paid", "fulfillment_status": null, "source_name": "web", "currency": "EUR",
        "total_price": "19.90", "customer": {"id": 7_300_000_000_000_u64 + number as u64}, "billing_address": address(number),
        "shipping_address": address(number), "line_items": [{"sku": "T-1", "title": "Tee", "quantity": 1, "price": "19.90"}],
    })
}

//! A Shopware 6 shop: tokens of ten minutes, rights of the integration, criteria with filters, associations and a limit of
//! 500, and what a deletion takes with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::hooks::{Delivery, is_safe};
use super::{Answer, Call, Vendor};

/// Microseconds a token lives.
const TOKEN_LIFE: i64 = 600 * 1_000_000;

/// Keys that are only sent when they are asked for.
const ASSOCIATIONS: [&str; 20] = [
    "salutation",
    "group",
    "language",
    "tags",
    "addresses",
    "defaultBillingAddress",
    "defaultShippingAddress",
    "country",
    "countryState",
    "orderCustomer",
    "billingAddress",
    "deliveries",
    "shippingOrderAddress",
    "lineItems",
    "transactions",
    "paymentMethod",
    "stateMachineState",
    "currency",
    "salesChannel",
    "customer",
];

/// An entity, a page of it, and what happens when it is asked for.
pub type Happening = (&'static str, u64, fn(&mut Shop));

/// The shop.
pub struct Shop {
    /// What it holds, by entity.
    pub entities: BTreeMap<String, Vec<Value>>,
    /// What the integration may do: `customer:read`.
    pub rights: BTreeSet<String>,
    /// The secret of the integration.
    pub secret: String,
    /// Tokens handed out, and until when they are valid.
    pub tokens: BTreeMap<String, i64>,
    /// Uses of a token after which it ends before its time.
    pub uses_of_a_token: Option<u32>,
    /// An object to delete when this page is asked for: entity, id, page.
    pub delete_at: Option<(String, String, u64)>,
    /// What happens when a page of an entity is asked for.
    pub on_page: Option<Happening>,
    /// Deletions are answered as done and not done.
    pub deletes_nothing: bool,
    /// Objects a page holds at most, whatever is asked for.
    pub most: u64,
    /// Tokens it refused to make because too many were tried for.
    pub tries_refused: u32,
    /// Wrong credentials in a row, and when the last came.
    tried: (u32, i64),
    hooks_made: usize,
    uses: u32,
}

impl Default for Shop {
    fn default() -> Self {
        let rights = ["customer", "order", "newsletter_recipient", "product_review", "order_customer", "order_address"];
        let rights =
            rights.iter().flat_map(|entity| ["read", "delete", "update"].map(|right| format!("{entity}:{right}")));
        Self {
            entities: BTreeMap::new(),
            rights: rights.collect(),
            secret: "secret-of-the-shop".to_owned(),
            tokens: BTreeMap::new(),
            uses_of_a_token: None,
            delete_at: None,
            on_page: None,
            deletes_nothing: false,
            most: 250,
            tries_refused: 0,
            tried: (0, 0),
            hooks_made: 0,
            uses: 0,
        }
    }
}

impl Shop {
    /// With so many customers, each with an order and a newsletter subscription.
    pub fn with_people(count: usize) -> Self {
        let mut shop = Self::default();
        for number in 0..count {
            shop.add("customer", customer(number));
            shop.add("order", order(number));
            shop.add("newsletter-recipient", recipient(number));
        }
        shop
    }

    /// Tells whoever has an active webhook for it. Without an app nobody signs it.
    pub fn tell(&self, event: &str, key: &str, at: i64) -> Vec<Delivery> {
        let hooks = self.entities.get("webhook").into_iter().flatten();
        let hooks = hooks.filter(|hook| hook["eventName"] == event && hook["active"] == true);
        let (entity, what) = event.split_once('.').unwrap();
        let operation = if what == "deleted" { "delete" } else { "update" };
        let body = json!({
            "data": {"payload": [{"entity": entity, "operation": operation, "primaryKey": key}], "event": event},
            "source": {"url": "https://shop.example", "eventId": format!("{key}-{at}")}, "timestamp": at,
        });
        hooks.map(|hook| Delivery::json(hook["url"].as_str().unwrap(), &body)).collect()
    }

    /// Adds an object.
    pub fn add(&mut self, entity: &str, mut object: Value) {
        if entity == "order" {
            let id = object["id"].as_str().unwrap().to_owned();
            object["orderCustomer"]["id"] = format!("oc{id}").into();
            let mut address = object["billingAddress"].clone();
            address["id"] = format!("oa{id}").into();
            object["addresses"] = json!([address]);
        }
        self.entities.entry(entity.to_owned()).or_default().push(object);
    }

    /// Changes an object at a time of the shop.
    pub fn change(&mut self, entity: &str, id: &str, at: &str, field: &str, value: Value) {
        let objects = self.entities.get_mut(entity).unwrap();
        let object = objects.iter_mut().find(|object| object["id"] == id).unwrap();
        object[field] = value;
        object["updatedAt"] = at.into();
    }

    fn authenticated(&mut self, call: &Call) -> bool {
        let Some(token) = call.header("authorization").strip_prefix("Bearer ") else { return false };
        let valid = self.tokens.get(token).is_some_and(|until| call.now < *until);
        self.uses += 1;
        if self.uses_of_a_token.is_some_and(|most| self.uses > most) {
            self.tokens.clear();
            self.uses = 0;
            return false;
        }
        valid
    }

    fn token(&mut self, call: &Call) -> Answer {
        let asked = &call.body;
        let right = asked["grant_type"] == "client_credentials"
            && asked["client_id"] == "SWIATEST"
            && asked["client_secret"] == self.secret.as_str();
        // Longer and longer after the tenth, the fifteenth and the twentieth try.
        let (tries, last) = self.tried;
        let rest = [(20, 60), (15, 30), (10, 10)].iter().find(|(from, _)| tries >= *from).map_or(0, |(_, rest)| *rest);
        if call.now < last + rest * 1_000_000 {
            self.tries_refused += 1;
            return error(429, "FRAMEWORK__RATE_LIMIT_EXCEEDED");
        }
        if !right {
            self.tried = (tries + 1, call.now);
            return error(401, "6");
        }
        self.tried = (0, 0);
        self.uses = 0;
        let token = format!("token-{}-{}", self.tokens.len(), call.now);
        self.tokens.insert(token.clone(), call.now + TOKEN_LIFE);
        Answer::new(200, json!({"token_type": "Bearer", "expires_in": 600, "access_token": token}))
    }

    fn search(&mut self, entity: &str, call: &Call) -> Answer {
        let asked = &call.body;
        let (page, limit) = (asked["page"].as_u64().unwrap_or(1), asked["limit"].as_u64().unwrap_or(500));
        if limit > 500 {
            return error(400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED");
        }
        if page == 0 || limit == 0 {
            return error(400, "FRAMEWORK__INVALID_PAGE_QUERY");
        }
        let limit = limit.min(self.most);
        if let Some((of, id, _)) = self.delete_at.take_if(|(of, _, at)| of == entity && *at == page) {
            self.entities.get_mut(&of).unwrap().retain(|object| object["id"] != id.as_str());
        }
        if let Some((_, _, happens)) = self.on_page.take_if(|(of, at, _)| *of == entity && *at == page) {
            happens(self);
        }
        let none = Vec::new();
        let filters = asked["filter"].as_array().unwrap_or(&none);
        let all = self.entities.get(entity).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<&Value> =
            all.iter().filter(|object| filters.iter().all(|filter| holds(filter, object))).collect();
        for sort in asked["sort"].as_array().unwrap_or(&none).iter().rev() {
            let field = sort["field"].as_str().unwrap();
            found.sort_by_key(|object| field_of(object, field).as_str().unwrap_or_default().to_owned());
        }
        let total = found.len();
        let start = usize::try_from((page - 1) * limit).unwrap();
        let data: Vec<Value> = found
            .into_iter()
            .skip(start)
            .take(usize::try_from(limit).unwrap())
            .map(|object| pruned(object, &asked["associations"]))
            .collect();
        let total = if asked["total-count-mode"] == 1 { total } else { data.len() };
        Answer::new(200, json!({"total": total, "data": data, "aggregations": []}))
    }

    fn patch(&mut self, entity: &str, id: &str, call: &Call) -> Answer {
        let mut objects = self.entities.get_mut(entity).into_iter().flatten();
        let Some(object) = objects.find(|object| object["id"] == id) else { return error(404, "0") };
        if self.deletes_nothing {
            return Answer::new(204, Value::Null);
        }
        for (field, value) in call.body.as_object().unwrap() {
            write(&mut object[field], value);
        }
        let now = jiff::Timestamp::from_microsecond(call.now).unwrap();
        object["updatedAt"] = now.strftime("%Y-%m-%dT%H:%M:%S.000+00:00").to_string().into();
        Answer::new(204, Value::Null)
    }

    fn delete(&mut self, entity: &str, id: &str) -> Answer {
        let objects = self.entities.entry(entity.to_owned()).or_default();
        if !objects.iter().any(|object| object["id"] == id) {
            return error(404, "FRAMEWORK__WRITE_CONSTRAINT_VIOLATION");
        }
        if self.deletes_nothing {
            return Answer::new(204, Value::Null);
        }
        objects.retain(|object| object["id"] != id);
        if entity == "customer" {
            // The order keeps everything of its customer but the link.
            for order in self.entities.get_mut("order").into_iter().flatten() {
                if order["orderCustomer"]["customerId"] == id {
                    order["orderCustomer"]["customerId"] = Value::Null;
                }
            }
        }
        Answer::new(204, Value::Null)
    }
}

impl Vendor for Shop {
    fn answer(&mut self, call: &Call) -> Answer {
        let path: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        match (call.method.as_str(), path.as_slice()) {
            ("POST", ["api", "oauth", "token"]) => self.token(call),
            (_, ["api", ..]) if !self.authenticated(call) => error(401, "9"),
            // Without it the answer would be JSON:API.
            (_, ["api", ..]) if call.header("accept") != "application/json" => Answer::new(200, json!({"data": null})),
            ("POST", ["api", "search", entity]) => {
                if !self.rights.contains(&format!("{}:read", entity.replace('-', "_"))) {
                    return error(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR");
                }
                self.search(entity, call)
            }
            ("POST", ["api", "webhook"]) => {
                if !self.rights.contains("webhook:create") {
                    return error(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR");
                }
                let text = |name: &str| call.body[name].as_str().unwrap_or_default();
                if text("name").is_empty() || text("eventName").is_empty() || !is_safe(text("url")) {
                    return error(400, "c1051bb4-1103-4974-8973-15e66d8f1d6f");
                }
                let mut hook = call.body.clone();
                hook["id"] = json!(id("webhook", self.hooks_made));
                self.hooks_made += 1;
                self.add("webhook", hook);
                Answer::new(204, Value::Null)
            }
            ("DELETE", ["api", entity, id]) => {
                if !self.rights.contains(&format!("{}:delete", entity.replace('-', "_"))) {
                    return error(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR");
                }
                self.delete(entity, id)
            }
            ("PATCH", ["api", entity, id]) => {
                if !self.rights.contains(&format!("{}:update", entity.replace('-', "_"))) {
                    return error(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR");
                }
                let parts = [("orderCustomer", "order_customer"), ("addresses", "order_address")];
                let written = parts.iter().filter(|(part, _)| call.body.get(part).is_some());
                if !written.into_iter().all(|(_, entity)| self.rights.contains(&format!("{entity}:update"))) {
                    return error(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR");
                }
                self.patch(entity, id, call)
            }
            _ => error(404, "0"),
        }
    }
}

/// What an association holds is changed by its id; everything else is replaced.
fn write(stored: &mut Value, sent: &Value) {
    match (stored, sent) {
        (Value::Array(stored), Value::Array(sent)) if sent.iter().all(|one| one["id"].is_string()) => {
            for one in sent {
                write(stored.iter_mut().find(|known| known["id"] == one["id"]).expect("an id of the shop"), one);
            }
        }
        (stored @ Value::Object(_), Value::Object(sent)) if sent.contains_key("id") => {
            assert_eq!(stored["id"], sent["id"], "another one would be written beside it");
            sent.iter().for_each(|(field, value)| stored[field] = value.clone());
        }
        (stored, sent) => *stored = sent.clone(),
    }
}

fn error(status: u16, code: &str) -> Answer {
    // The detail quotes what was sent, as the real one does.
    let detail = "The user kunde@example.org was not found.";
    Answer::new(
        status,
        json!({"errors": [{"status": status.to_string(), "code": code, "title": "Error", "detail": detail}]}),
    )
}

fn holds(filter: &Value, object: &Value) -> bool {
    match filter["type"].as_str().unwrap() {
        "multi" => {
            let mut parts = filter["queries"].as_array().unwrap().iter().map(|part| holds(part, object));
            if filter["operator"] == "or" { parts.any(|holds| holds) } else { parts.all(|holds| holds) }
        }
        "equals" => {
            let found = field_of(object, filter["field"].as_str().unwrap());
            // The collation of the shop's database knows no case.
            match (found.as_str(), filter["value"].as_str()) {
                (Some(found), Some(wanted)) => found.to_lowercase() == wanted.to_lowercase(),
                _ => found == filter["value"],
            }
        }
        "range" => {
            let found = field_of(object, filter["field"].as_str().unwrap());
            let instant = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let Some(found) = instant(&found) else { return false };
            let bounds = filter["parameters"].as_object().unwrap();
            bounds.iter().all(|(bound, value)| {
                let wanted = instant(value).unwrap();
                match bound.as_str() {
                    "gt" => found > wanted,
                    "gte" => found >= wanted,
                    "lt" => found < wanted,
                    _ => found <= wanted,
                }
            })
        }
        other => panic!("the shop knows no filter {other}"),
    }
}

fn field_of(object: &Value, path: &str) -> Value {
    path.split('.').fold(object, |part, name| &part[name]).clone()
}

/// Without the associations that were not asked for.
fn pruned(object: &Value, asked: &Value) -> Value {
    match object {
        Value::Array(objects) => objects.iter().map(|object| pruned(object, asked)).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                if !ASSOCIATIONS.contains(&name.as_str()) {
                    return (name.clone(), value.clone());
                }
                let inner = asked.get(name);
                let value = inner.map_or(Value::Null, |inner| pruned(value, &inner["associations"]));
                (name.clone(), value)
            };
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// When the object number `number` was made.
pub fn made_at(number: usize) -> String {
    let start: jiff::Timestamp = "2025-01-01T08:00:00Z".parse().unwrap();
    let seconds = i64::try_from(number).unwrap() * 61;
    (start + jiff::SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%S.000+00:00").to_string()
}

/// The mail address of the customer number `number`.
pub fn email(number: usize) -> String {
    format!("kunde{number}@example.org")
}

/// An id of the shop.
pub fn id(entity: &str, number: usize) -> String {
    // Not in the order of making, as ids of a shop are.
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    format!("{mixed:016x}{:016x}", entity.len() as u64 * 1_000_000 + number as u64)
}

/// A customer.
pub fn customer(number: usize) -> Value {
    let (key, country) = (["mr", "mrs", "not_specified"][number % 3], json!({"iso": "DE"}));
    json!({
        "apiAlias": "customer", "id": id("customer", number), "customerNumber": format!("{}", 10_000 + number),
        "email": email(number), "firstName": "Erika", "lastName": format!("Beispiel{number}"), "title": null,
        "company": null, "guest": false, "active": true, "birthday": null, "doubleOptInConfirmDate": null,
        "createdAt": made_at(number), "updatedAt": null,
        "salutation": {"salutationKey": key}, "group": {"name": "Standard"}, "language": {"name": "Deutsch"}, "tags": [],
        "defaultBillingAddressId": format!("a{number}"), "defaultShippingAddressId": format!("a{number}"),
        "addresses": [{
            "id": format!("a{number}"), "firstName": "Erika", "lastName": format!("Beispiel{number}"), "company": null,
            "street": format!("Lindenweg {}", number + 1), "zipcode": "10115", "city": "Berlin", "country": country,
            "phoneNumber": null, "additionalAddressLine1": null, "additionalAddressLine2": null, "department": null,
            "countryState": null,
        }],
        "defaultBillingAddress": null, "defaultShippingAddress": null,
    })
}

/// What that customer says of what they ordered.
pub fn review(number: usize) -> Value {
    json!({
        "apiAlias": "product_review", "id": id("product_review", number), "productId": "7c3e", "customerId": id("customer", number),
        "externalUser": null, "externalEmail": null, "title": "Gut", "content": "Gerne wieder.", "points": 5, "status": false,
        "comment": null, "createdAt": made_at(number), "updatedAt": null, "product": {"name": "Darjeeling"},
        "customer": {"id": id("customer", number), "email": email(number), "firstName": "Erika", "lastName": format!("Beispiel{number}")},
    })
}

/// An order of that customer.
pub fn order(number: usize) -> Value {
    let address = json!({
        "firstName": "Erika", "lastName": format!("Beispiel{number}"), "street": format!("Lindenweg {}", number + 1),
        "zipcode": "10115", "city": "Berlin", "country": {"iso": "DE"}, "countryState": null, "company": null,
    });
    json!({
        "apiAlias": "order", "id": id("order", number), "versionId": "0fa91ce3e96a4bc2be4bd9ce752c3425",
        "orderNumber": format!("{}", 50_000 + number), "orderDateTime": made_at(number), "createdAt": made_at(number),
        "updatedAt": null, "amountTotal": 49.9, "amountNet": 41.93, "shippingTotal": 4.9, "campaignCode": null,
        "currency": {"isoCode": "EUR"}, "salesChannel": {"name": "Storefront"},
        "stateMachineState": {"technicalName": "open"},
        "orderCustomer": {
            "email": email(number), "firstName": "Erika", "lastName": format!("Beispiel{number}"), "title": null,
            "company": null, "customerNumber": format!("{}", 10_000 + number), "customerId": id("customer", number),
            "salutation": {"salutationKey": "mrs"},
        },
        "billingAddress": address,
        "deliveries": [{"stateMachineState": {"technicalName": "open"}, "shippingOrderAddress": address}],
        "transactions": [{"stateMachineState": {"technicalName": "paid"}, "paymentMethod": {"name": "PayPal"}}],
        "lineItems": [{"type": "product", "label": "Darjeeling", "quantity": 2, "unitPrice": 22.5, "totalPrice": 45.0,
                       "payload": {"productNumber": "T-100"}}],
    })
}

/// Their subscription to the newsletter, confirmed.
pub fn recipient(number: usize) -> Value {
    json!({
        "apiAlias": "newsletter_recipient", "id": id("newsletter-recipient", number), "email": email(number),
        "status": "optIn", "hash": "x", "confirmedAt": made_at(number), "createdAt": made_at(number), "updatedAt": null,
        "firstName": "Erika", "lastName": format!("Beispiel{number}"), "title": null, "street": null, "zipCode": null,
        "city": null, "salutation": {"salutationKey": "mrs"}, "language": {"name": "Deutsch"}, "tags": [],
    })
}

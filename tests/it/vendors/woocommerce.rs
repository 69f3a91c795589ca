//! A WooCommerce store: Basic authentication, at most 100 a page with totals in headers, `modified_after` for orders and
//! nothing of the kind for customers, and a deletion that must be forced.

use base64::Engine as _;
use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe, mac};
use super::{Answer, Call, Vendor};

/// The store.
pub struct Store {
    /// Accounts.
    pub customers: Vec<Value>,
    /// Orders.
    pub orders: Vec<Value>,
    /// Reviews.
    pub reviews: Vec<Value>,
    /// Is the key in force?
    pub key_is_valid: bool,
    /// Webhooks, each with its secret.
    pub hooks: Vec<Value>,
    most: usize,
}

impl Store {
    /// With so many customers, each with an order and a review, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let of = |make: fn(usize) -> Value| (0..count).map(make).collect();
        Self {
            customers: of(customer),
            orders: of(order),
            reviews: of(review),
            key_is_valid: true,
            hooks: Vec::new(),
            most,
        }
    }

    fn page(&self, found: Vec<&Value>, call: &Call) -> Answer {
        let per_page = call.number("per_page").unwrap_or(10);
        let page = call.number("page").unwrap_or(1);
        if !(1..=100).contains(&per_page) || page == 0 {
            return error(400, "rest_invalid_param");
        }
        let size = usize::try_from(per_page).unwrap().min(self.most);
        let total = found.len();
        let skipped = usize::try_from(page - 1).unwrap() * size;
        let body: Vec<Value> = found.into_iter().skip(skipped).take(size).cloned().collect();
        let pages = total.div_ceil(size);
        let answer = Answer::new(200, json!(body))
            .with("x-wp-total", total.to_string())
            .with("x-wp-totalpages", pages.to_string());
        if usize::try_from(page).unwrap() >= pages {
            return answer;
        }
        let next = format!("http://{}{}?page={}&per_page={per_page}", call.header("host"), call.path, page + 1);
        answer.with("link", format!("<{next}>; rel=\"next\""))
    }

    /// Tells whoever added an active webhook for it; `number` tells this delivery from others.
    pub fn tell(&self, topic: &str, body: &Value, number: &str) -> Vec<Delivery> {
        let hooks = self.hooks.iter().filter(|hook| hook["topic"] == topic && hook["status"] == "active");
        let tell = |hook: &Value| {
            let sign = mac(hook["secret"].as_str().unwrap(), &[body.to_string().as_bytes()]);
            Delivery::json(hook["delivery_url"].as_str().unwrap(), body)
                .with("x-wc-webhook-topic", topic)
                .with("x-wc-webhook-delivery-id", number)
                .with("x-wc-webhook-signature", base64::prelude::BASE64_STANDARD.encode(sign))
        };
        hooks.map(tell).collect()
    }

    /// A new webhook is tried at once, by a form that nobody signs.
    fn add_hook(&mut self, asked: &Value) -> Answer {
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let (topic, address) = (text("topic"), text("delivery_url"));
        let (resource, event) = topic.split_once('.').unwrap_or_default();
        let known = ["customer", "order", "product", "coupon"].contains(&resource)
            && ["created", "updated", "deleted", "restored"].contains(&event);
        if !known || !is_safe(address) || text("secret").is_empty() || text("name").is_empty() {
            return error(400, "woocommerce_rest_invalid_param");
        }
        let id = 142 + self.hooks.len();
        let (status, _) = Delivery::form(address, &[("webhook_id", &id.to_string())]).send();
        if status != 200 {
            return error(400, "woocommerce_rest_webhook_ping_failed");
        }
        let mut hook = asked.clone();
        hook["id"] = json!(id);
        self.hooks.push(hook.clone());
        Answer::new(201, shown(&hook))
    }

    fn authenticated(&self, call: &Call) -> bool {
        let pair = base64::prelude::BASE64_STANDARD.encode("ck_0a1b2c3d4e5f:cs_0a1b2c3d4e5f");
        self.key_is_valid && call.header("authorization") == format!("Basic {pair}")
    }
}

impl Vendor for Store {
    fn answer(&mut self, call: &Call) -> Answer {
        let Some(path) = call.path.strip_prefix("/wp-json/wc/v3/") else { return error(404, "rest_no_route") };
        if !self.authenticated(call) {
            return error(401, "woocommerce_rest_cannot_view");
        }
        let asked = |name: &str| call.query.get(name).map(String::as_str);
        let same = |value: &Value, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
        };
        match (call.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["customers"]) => {
                if call.stray(&["role", "email", "orderby", "order", "page", "per_page"]).is_some() {
                    return error(400, "rest_invalid_param");
                }
                // Without it the store lists the role "customer" alone.
                let role = |one: &Value| asked("role") == Some("all") || one["role"] == "customer";
                let found = self.customers.iter().filter(|one| role(one) && same(&one["email"], asked("email")));
                self.page(found.collect(), call)
            }
            // Its route takes digits alone.
            ("GET", ["customers", id]) if id.parse::<u64>().is_ok() => {
                match self.customers.iter().find(|one| one["id"].as_u64() == id.parse().ok()) {
                    Some(one) => Answer::new(200, one.clone()),
                    None => error(404, "woocommerce_rest_invalid_id"),
                }
            }
            ("GET", ["orders"]) => {
                let known = [
                    "status",
                    "search",
                    "customer",
                    "orderby",
                    "order",
                    "page",
                    "per_page",
                    "modified_after",
                    "dates_are_gmt",
                ];
                if call.stray(&known).is_some() {
                    return error(400, "rest_invalid_param");
                }
                if asked("modified_after").is_some() && asked("dates_are_gmt") != Some("true") {
                    return error(400, "the_test_wants_gmt");
                }
                let after = |one: &Value| {
                    let changed = one["date_modified_gmt"].as_str().unwrap();
                    asked("modified_after").is_none_or(|after| {
                        assert!(!after.contains('Z') && after.len() == 19, "the store knows no zone here: {after}");
                        changed > after
                    })
                };
                let customer = asked("customer").map(|id| id.parse::<u64>());
                if customer.as_ref().is_some_and(Result::is_err) {
                    return error(400, "rest_invalid_param");
                }
                let of = |one: &Value| {
                    customer.as_ref().is_none_or(|wanted| one["customer_id"].as_u64() == wanted.clone().ok())
                };
                let found = self.orders.iter();
                let found =
                    found.filter(|one| after(one) && of(one) && same(&one["billing"]["email"], asked("search")));
                self.page(found.collect(), call)
            }
            ("GET", ["products", "reviews"]) => {
                if call.stray(&["status", "reviewer_email", "orderby", "order", "page", "per_page"]).is_some() {
                    return error(400, "rest_invalid_param");
                }
                let found = self.reviews.iter().filter(|one| same(&one["reviewer_email"], asked("reviewer_email")));
                self.page(found.collect(), call)
            }
            ("POST", ["webhooks"]) => self.add_hook(&call.body),
            ("GET", ["webhooks"]) => {
                let shown: Vec<Value> = self.hooks.iter().map(shown).collect();
                self.page(shown.iter().collect(), call)
            }
            ("DELETE", ["webhooks", id]) => {
                if asked("force") != Some("true") {
                    return error(501, "woocommerce_rest_trash_not_supported");
                }
                match self.hooks.iter().position(|hook| hook["id"].as_u64() == id.parse().ok()) {
                    Some(at) => Answer::new(200, shown(&self.hooks.remove(at))),
                    None => error(404, "woocommerce_rest_shop_webhook_invalid_id"),
                }
            }
            ("DELETE", [.., kind @ ("customers" | "reviews"), id]) => {
                if asked("force") != Some("true") {
                    return error(501, "woocommerce_rest_trash_not_supported");
                }
                let list = if *kind == "customers" { &mut self.customers } else { &mut self.reviews };
                let Some(at) = list.iter().position(|one| one["id"].as_u64() == id.parse().ok()) else {
                    return error(404, "woocommerce_rest_invalid_id");
                };
                let gone = list.remove(at);
                // Of whose account is deleted the orders are nobody's.
                for order in self.orders.iter_mut().filter(|order| order["customer_id"] == gone["id"]) {
                    order["customer_id"] = json!(0);
                }
                Answer::new(200, gone)
            }
            _ => error(404, "rest_no_route"),
        }
    }
}

/// A secret is never shown again.
fn shown(hook: &Value) -> Value {
    let mut shown = hook.clone();
    shown.as_object_mut().unwrap().remove("secret");
    shown
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(status, json!({"code": code, "message": "Sorry.", "data": {"status": status}}))
}

fn address(number: usize) -> Value {
    json!({
        "first_name": "Erika", "last_name": format!("Beispiel{number}"), "company": "", "address_2": "", "state": "",
        "address_1": format!("Lindenweg {}", number + 1), "city": "Berlin", "postcode": "10115", "country": "DE",
        "email": format!("kunde{number}@example.org"), "phone": "",
    })
}

fn at(number: usize) -> String {
    format!("2025-03-{:02}T10:{:02}:00", number % 28 + 1, number / 28 % 60)
}

/// A customer.
pub fn customer(number: usize) -> Value {
    json!({
        "id": 100 + number, "email": format!("Kunde{number}@example.org"), "first_name": "Erika",
        "last_name": format!("Beispiel{number}"), "role": if number.is_multiple_of(5) { "subscriber" } else { "customer" },
        "is_paying_customer": true, "date_created_gmt": at(number), "date_modified_gmt": null,
        "billing": address(number), "shipping": address(number),
    })
}

fn order(number: usize) -> Value {
    json!({
        "id": 9_000 + number, "number": format!("{}", 9_000 + number), "order_key": "wc_order_x", "created_via": "checkout",
        "status": "processing", "currency": "EUR", "date_created_gmt": at(number), "date_modified_gmt": at(number),
        "shipping_total": "4.90", "total": "49.90", "customer_id": 100 + number, "payment_method_title": "PayPal",
        "billing": address(number), "shipping": address(number),
        "line_items": [{"name": "Tee", "sku": "T-1", "quantity": 1, "price": 45, "total": "45.00"}],
    })
}

fn review(number: usize) -> Value {
    json!({
        "id": 500 + number, "date_created_gmt": at(number), "product_id": 7, "product_name": "Tee", "status": "approved",
        "reviewer": "Erika", "reviewer_email": format!("kunde{number}@example.org"), "review": "<p>Gut.</p>", "rating": 5,
    })
}

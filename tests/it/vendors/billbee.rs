//! Billbee: a key of the program and a password of the user, both on every call, two calls a second, and pages from 1. A page of
//! invoices is shown once a minute, and one order six times.

use base64::Engine as _;
use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe, mac};
use super::{Answer, Call, Vendor};

/// The account.
pub struct Account {
    /// Orders.
    pub orders: Vec<Value>,
    /// Invoices.
    pub invoices: Vec<Value>,
    /// Is the password in force?
    pub password_is_valid: bool,
    /// Webhooks, each with its secret.
    pub hooks: Vec<Value>,
    most: usize,
    recent: Vec<(String, i64)>,
    /// Pages of invoices and single orders that were asked for within a minute.
    throttled: Vec<(String, i64)>,
}

impl Account {
    /// With so many buyers and an order and an invoice of each, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let orders = (0..count).map(order).collect();
        let invoices = (0..count).map(invoice).collect();
        let (recent, throttled) = (Vec::new(), Vec::new());
        Self { orders, invoices, password_is_valid: true, hooks: Vec::new(), most, recent, throttled }
    }

    /// Tells whoever has an active webhook what happened to an order; `number` tells this delivery from others.
    pub fn tell(&self, event: &str, order: usize, number: &str) -> Vec<Delivery> {
        let id = &self.orders[order]["BillBeeOrderId"];
        let body = json!({"Id": number, "Attempt": 1, "Properties": {},
            "Notifications": [{"Action": event, "BillBeeOrderId": id}]});
        let tell = |hook: &Value| {
            let sign = mac(hook["Secret"].as_str().unwrap(), &[body.to_string().as_bytes()]);
            Delivery::json(hook["WebHookUri"].as_str().unwrap(), &body)
                .with("ms-signature", format!("sha256={}", hex::encode_upper(sign)))
        };
        self.hooks.iter().filter(|hook| hook["IsPaused"] == false).map(tell).collect()
    }

    /// The address must send back what it is tried with.
    fn add_hook(&mut self, asked: &Value) -> Answer {
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let address = text("WebHookUri");
        let filters = asked["Filters"].as_array().is_some_and(|filters| !filters.is_empty());
        if !is_safe(address) || !(32..=64).contains(&text("Secret").len()) || !filters {
            return Answer::new(400, json!({"ErrorMessage": "Invalid webhook", "ErrorCode": 4, "Data": null}));
        }
        let echo = "7c9e6679f7425f2c9e10";
        if Delivery::trial(&format!("{address}?echo={echo}")).send() != (200, echo.to_owned()) {
            return Answer::new(400, json!({"ErrorMessage": "Verification failed", "ErrorCode": 4, "Data": null}));
        }
        let mut hook = asked.clone();
        hook["Id"] = json!(format!("a1b2c3d4{}", self.hooks.len()));
        self.hooks.push(hook.clone());
        Answer::new(200, shown(&hook))
    }

    fn webhooks(&mut self, call: &Call) -> Answer {
        match (call.method.as_str(), call.path.strip_prefix("/api/v1/webhooks").unwrap_or_default()) {
            ("GET", "") => Answer::new(200, self.hooks.iter().map(shown).collect()),
            ("POST", "") => self.add_hook(&call.body),
            ("DELETE", id) => {
                self.hooks.retain(|hook| hook["Id"] != id.trim_start_matches('/'));
                Answer::new(200, json!({}))
            }
            _ => Answer::new(404, Value::Null),
        }
    }
}

impl Vendor for Account {
    fn answer(&mut self, call: &Call) -> Answer {
        // Two a second of each address, ten of all.
        self.recent.retain(|(_, at)| call.now - at < 1_000_000);
        let single = call.path.strip_prefix("/api/v1/orders/").is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit()));
        let address = if single { "one order".to_owned() } else { format!("{} {}", call.method, call.path) };
        if self.recent.len() >= 10 || self.recent.iter().filter(|(of, _)| *of == address).count() >= 2 {
            return Answer::new(429, Value::Null).with("retry-after", "1");
        }
        self.recent.push((address, call.now));
        let pair = base64::prelude::BASE64_STANDARD.encode("shop@example.org:an-api-password");
        let known = call.header("x-billbee-api-key") == "a-key-of-the-program"
            && call.header("authorization") == format!("Basic {pair}");
        if !known || !self.password_is_valid {
            return Answer::new(401, json!({"ErrorMessage": "Unauthorized", "ErrorCode": 2, "Data": null}));
        }
        if call.path.starts_with("/api/v1/webhooks") {
            return self.webhooks(call);
        }
        match (call.method.as_str(), call.path.strip_prefix("/api/v1/orders")) {
            ("GET", Some("")) => self.list(call, &self.orders, ("modifiedAtMin", "LastModifiedAt")),
            ("GET", Some("/invoices")) => {
                // One of the two, and the page is throttled by the first alone.
                let paid = call.query.contains_key("minPayDate");
                let page = format!("invoices {:?} {:?}", call.query.get("page"), call.query.get("minInvoiceDate"));
                if self.is_too_often(page, 1, call.now) {
                    return Answer::new(429, Value::Null).with("retry-after", "60");
                }
                let by = if paid { ("minPayDate", "PayDate") } else { ("minInvoiceDate", "InvoiceDate") };
                let mut answer = self.list(call, &self.invoices, by);
                if call.query.get("includePositions").map(String::as_str) != Some("true") {
                    for invoice in answer.body["Data"].as_array_mut().into_iter().flatten() {
                        invoice["Positions"] = json!(null);
                    }
                }
                answer
            }
            ("GET", Some(id)) => {
                if self.is_too_often(format!("order {id}"), 6, call.now) {
                    return Answer::new(429, Value::Null).with("retry-after", "10");
                }
                let found = self.orders.iter().find(|order| order["BillBeeOrderId"].as_u64() == id[1..].parse().ok());
                match found {
                    Some(order) => Answer::new(200, json!({"ErrorMessage": null, "ErrorCode": 0, "Data": order})),
                    None => Answer::new(404, json!({"ErrorMessage": "Not found", "ErrorCode": 3, "Data": null})),
                }
            }
            _ => Answer::new(404, Value::Null),
        }
    }
}

impl Account {
    /// Was it asked for so often within the last minute already?
    fn is_too_often(&mut self, what: String, most: usize, now: i64) -> bool {
        self.throttled.retain(|(_, at)| now - at < 60_000_000);
        let often = self.throttled.iter().filter(|(of, _)| *of == what).count() >= most;
        if !often {
            self.throttled.push((what, now));
        }
        often
    }

    fn list(&self, call: &Call, all: &[Value], (wanted, field): (&str, &str)) -> Answer {
        let (page, size) = (call.number("page").unwrap_or(1), call.number("pageSize").unwrap_or(50));
        if page == 0 || size > 250 || call.stray(&["page", "pageSize", "includePositions", wanted]).is_some() {
            return Answer::new(400, json!({"ErrorMessage": "Invalid page", "ErrorCode": 4, "Data": null}));
        }
        let size = usize::try_from(size).unwrap().min(self.most);
        // Without a zone it is in UTC.
        let instant = |text: &str| {
            text.parse::<jiff::Timestamp>().unwrap_or_else(|_| format!("{text}Z").parse::<jiff::Timestamp>().unwrap())
        };
        let since = call.query.get(wanted).map(|since| instant(since));
        let changed = |one: &&Value| {
            since.is_none_or(|since| one[field].as_str().is_some_and(|changed| instant(changed) >= since))
        };
        let found: Vec<&Value> = all.iter().filter(changed).collect();
        let data: Vec<&&Value> = found.iter().skip((usize::try_from(page).unwrap() - 1) * size).take(size).collect();
        let pages = found.len().div_ceil(size);
        let paging = json!({"Page": page, "TotalPages": pages, "TotalRows": found.len(), "PageSize": size});
        Answer::new(200, json!({"Paging": paging, "ErrorMessage": null, "ErrorCode": 0, "Data": data}))
    }
}

/// A secret is never shown again.
fn shown(hook: &Value) -> Value {
    let mut shown = hook.clone();
    shown["Secret"] = json!("");
    shown
}

fn order(number: usize) -> Value {
    let address = json!({
        "FirstName": "Erika", "LastName": format!("Beispiel{number}"), "Street": "Lindenweg", "HouseNumber": format!("{}", number + 1),
        "Zip": "10115", "City": "Berlin", "CountryISO2": "DE", "Email": "", "Phone": "",
    });
    json!({
        // Longer than a floating-point number holds.
        "BillBeeOrderId": 100_000_186_018_330_123_u64 + number as u64, "OrderNumber": format!("{}", 7000 + number), "State": 3,
        "CreatedAt": "2026-05-02T10:00:00+02:00", "LastModifiedAt": format!("2026-05-{:02}T10:00:00+02:00", number % 27 + 1),
        "ShippingCost": 4.9, "TotalCost": 24.8, "Currency": "EUR", "InvoiceAddress": address, "ShippingAddress": address,
        "OrderItems": [{"Product": {"Title": "Tee", "SKU": "T-1"}, "Quantity": 1.0, "TotalPrice": 19.9}],
        "Seller": {"Platform": "webshop", "BillbeeShopName": "Laden"}, "CustomerNumber": format!("{}", 3000 + number),
        "Customer": {"Id": 1, "Email": format!("Kunde{number}@example.org"), "Number": 3000 + number},
    })
}

/// The invoice of an order: the list says the number of the order and not where it was sold, and shipping stands beside the total.
fn invoice(number: usize) -> Value {
    json!({
        "BillbeeId": 100_000_186_018_330_123_u64 + number as u64, "InvoiceNumber": format!("RE-{}", 500 + number), "Type": "invoice",
        "FirstName": "Erika", "LastName": format!("Beispiel{number}"), "Company": "", "CustomerNumber": 3000 + number,
        "InvoiceDate": format!("2026-05-{:02}T11:00:00.310", number % 27 + 1), "TotalNet": 18.6, "TotalGross": 19.9, "Currency": "EUR",
        "OrderNumber": format!("{}", 7000 + number), "Email": format!("Kunde{number}@example.org"), "ShopName": "Laden",
        "PayDate": null,
        "Positions": [{"Amount": 1.0, "GrossValue": 19.9, "TotalGrossValue": 19.9, "Sku": "T-1", "Title": "Tee"}],
        "AdditionalFees": [{"Type": "ShipCost", "Gross": 4.9, "Net": 4.1176, "VatAmount": 0.7824}],
    })
}

//! Amazon's Selling Partner API: a token for a refresh token in a header of its own, pages by token, and nothing personal
//! that was not asked for.

use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// Microseconds the token of a page lives.
const PAGE_LIFE: i64 = 24 * 3_600 * 1_000_000;
/// Microseconds a token lives.
const TOKEN_LIFE: i64 = 3_600 * 1_000_000;

/// The marketplace.
pub struct Marketplace {
    /// The orders of the seller.
    pub orders: Vec<Value>,
    /// Is the authorisation in force?
    pub authorised: bool,
    /// The token in force, and until when.
    pub token: Option<(String, i64)>,
    /// The refresh token in force.
    pub refresh: String,
    /// Does it hand out a new one with each use?
    pub rotates: bool,
    /// Searches a second its bucket of twenty gains for this seller.
    pub rate: f64,
    /// Searches it refused because the bucket was empty.
    pub refused: u32,
    /// Has the app the role for buyers and addresses?
    pub has_role: bool,
    /// Pages it refused because their tokens were older than a day.
    pub ended: u32,
    /// Searches left in the bucket, and since when.
    level: (f64, i64),
    most: usize,
    answers: u32,
}

impl Marketplace {
    /// With so many buyers and an order of each, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let (orders, refresh) = ((0..count).map(order).collect(), "Atzr|refresh".to_owned());
        let (rate, level) = (0.0056, (20.0, 0));
        Self {
            orders,
            authorised: true,
            token: None,
            refresh,
            rotates: false,
            rate,
            refused: 0,
            has_role: true,
            ended: 0,
            level,
            most,
            answers: 0,
        }
    }

    fn token(&mut self, call: &Call) -> Answer {
        let asked = &call.body;
        let right = asked["grant_type"] == "refresh_token"
            && asked["client_id"] == "amzn1.application-oa2-client.test"
            && asked["client_secret"] == "amzn1.oa2-cs.v1.secret"
            && asked["refresh_token"] == self.refresh.as_str()
            && call.header("content-type") == "application/x-www-form-urlencoded";
        if !right || !self.authorised {
            return Answer::new(
                400,
                json!({"error": "invalid_grant", "error_description": "The request has an invalid grant."}),
            );
        }
        let token = format!("Atza|{}", call.now);
        self.token = Some((token.clone(), call.now + TOKEN_LIFE));
        let mut answer = json!({"access_token": token, "token_type": "bearer", "expires_in": 3600});
        if self.rotates {
            self.refresh.push('+');
            answer["refresh_token"] = self.refresh.as_str().into();
        }
        Answer::new(200, answer)
    }

    /// One search out of the bucket.
    fn may_search(&mut self, now: i64) -> bool {
        let (level, since) = self.level;
        let level = (level + (now - since) as f64 / 1e6 * self.rate).min(20.0);
        // What is a millionth short is there.
        let enough = level > 0.999_999;
        self.level = (if enough { level - 1.0 } else { level }, now);
        self.refused += u32::from(!enough);
        enough
    }

    fn search(&mut self, call: &Call) -> Answer {
        let asked = |name: &str| call.query.get(name).map(String::as_str);
        let limit = call.number("maxResultsPerPage").unwrap_or(100);
        let one_bound = asked("createdAfter").is_some() != asked("lastUpdatedAfter").is_some();
        let known = [
            "marketplaceIds",
            "createdAfter",
            "lastUpdatedAfter",
            "includedData",
            "maxResultsPerPage",
            "paginationToken",
        ];
        if call.stray(&known).is_some()
            || asked("marketplaceIds") != Some("A1PA6795UKMFR9")
            || !one_bound
            || !(1..=100).contains(&limit)
        {
            return error(400, "InvalidInput");
        }
        // Where it begins, and when it was handed out: it is good for a day.
        let page = |token: &str| {
            let (start, made) = token.strip_prefix("page-")?.split_once('-')?;
            Some((start.parse::<usize>().ok()?, made.parse::<i64>().ok()?))
        };
        let start = match asked("paginationToken").map(page) {
            None => 0,
            Some(Some((start, made))) if call.now < made + PAGE_LIFE => start,
            Some(told) => {
                self.ended += u32::from(told.is_some());
                return error(400, "InvalidInput");
            }
        };
        let after = asked("lastUpdatedAfter").unwrap_or_default();
        let size = usize::try_from(limit).unwrap().min(self.most);
        let parts: Vec<&str> = asked("includedData").unwrap_or_default().split(',').collect();
        if !self.has_role && parts.iter().any(|part| ["BUYER", "RECIPIENT"].contains(part)) {
            return error(403, "Unauthorized");
        }
        let found: Vec<&Value> =
            self.orders.iter().filter(|order| order["lastUpdatedTime"].as_str().unwrap() > after).collect();
        let orders: Vec<Value> = found.iter().skip(start).take(size).map(|order| shown(order, &parts)).collect();
        let next = start + orders.len();
        let token = format!("page-{next}-{}", call.now);
        let pagination = if next < found.len() { json!({"nextToken": token}) } else { json!({}) };
        // Data shows up to two minutes late.
        let whole = jiff::Timestamp::from_microsecond(call.now - 120_000_000).unwrap();
        let whole = whole.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Answer::new(200, json!({"orders": orders, "pagination": pagination, "lastUpdatedBefore": whole}))
    }
}

impl Vendor for Marketplace {
    fn answer(&mut self, call: &Call) -> Answer {
        if call.path == "/auth/o2/token" {
            return self.token(call);
        }
        self.answers += 1;
        let valid = self
            .token
            .as_ref()
            .is_some_and(|(token, until)| call.header("x-amz-access-token") == token && call.now < *until);
        if !valid || !self.authorised {
            self.token = None;
            return error(403, "Unauthorized");
        }
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/orders/2026-01-01/orders") => {
                let answer = if self.may_search(call.now) { self.search(call) } else { error(429, "QuotaExceeded") };
                answer.with("x-amzn-ratelimit-limit", self.rate.to_string())
            }
            _ => error(404, "NotFound"),
        }
    }
}

fn shown(order: &Value, parts: &[&str]) -> Value {
    let mut order = order.clone();
    for (part, field) in [
        ("BUYER", "buyer"),
        ("RECIPIENT", "recipient"),
        ("PROCEEDS", "proceeds"),
        ("FULFILLMENT", "fulfillment"),
        ("PACKAGES", "packages"),
    ] {
        if !parts.contains(&part) {
            order.as_object_mut().unwrap().remove(field);
        }
    }
    order
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(
        status,
        json!({"errors": [{"code": code, "message": "Access to requested resource is denied.", "details": ""}]}),
    )
}

fn order(number: usize) -> Value {
    let at = format!("2026-11-{:02}T08:{:02}:00Z", number % 18 + 1, number % 60);
    let euro = |amount: &str| json!({"amount": amount, "currencyCode": "EUR"});
    json!({
        "orderId": format!("302-{:07}-{:07}", number + 1, number + 7), "createdTime": at, "lastUpdatedTime": at,
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "A1PA6795UKMFR9", "marketplaceName": "Amazon.de"},
        "buyer": {"buyerName": format!("Erika Beispiel{number}"), "buyerEmail": format!("kunde{number}@marketplace.amazon.de")},
        "recipient": {"deliveryAddress": {
            "name": format!("Erika Beispiel{number}"), "addressLine1": format!("Lindenweg {}", number + 1),
            "city": "Berlin", "postalCode": "10115", "countryCode": "DE",
        }},
        "proceeds": {"grandTotal": euro("19.90"), "breakdowns": []},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [{
            "quantityOrdered": 1, "product": {"sellerSku": "T-1", "title": "Tee", "price": {"unitPrice": euro("19.90")}},
            "proceeds": {"proceedsTotal": euro("19.90")},
        }],
        "packages": [],
    })
}

//! Orders of the shop: listed customer by customer, and deleted only when they are old enough and under a key of their own.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::{Answer, Call};

/// Orders a page of a list holds.
const PAGE: usize = 2;
/// Days an order stays.
const DAYS: i64 = 30;

/// The orders, and what was done to them.
#[derive(Default)]
pub struct Orders {
    /// Number, customer and when it was placed.
    pub all: Vec<(u64, u64, String)>,
    /// The keys calls came with, in their order.
    pub keys: Vec<String>,
    /// What was done under a key, and what was answered.
    done: HashMap<String, (String, u16)>,
}

impl Orders {
    /// `GET /v2/orders?customer=…&after=…`
    pub(super) fn list(&self, call: &Call) -> Answer {
        let customer = call.number("customer");
        let start = usize::try_from(call.number("after").unwrap_or(0)).unwrap();
        let theirs: Vec<_> = self.all.iter().filter(|(_, of, _)| Some(*of) == customer).collect();
        let page = theirs.iter().skip(start).take(PAGE);
        let items: Vec<Value> =
            page.map(|(id, customer, at)| json!({"id": id, "customer": customer, "placed": at})).collect();
        let end = start + items.len();
        let next = (end < theirs.len()).then(|| format!("/v2/orders?customer={}&after={end}", customer.unwrap_or(0)));
        Answer::new(200, json!({"items": items, "next": next}))
    }

    /// `DELETE /v2/orders/{id}`: under one key it is done once, and answered again as it was.
    pub(super) fn delete(&mut self, call: &Call) -> Answer {
        let key = call.header("idempotency-key").to_owned();
        if uuid::Uuid::parse_str(&key).map(|key| key.get_version_num()) != Ok(4) {
            return Answer::new(400, json!({"error": "idempotency_key"}));
        }
        self.keys.push(key.clone());
        if let Some((path, status)) = self.done.get(&key) {
            return answer(if *path == call.path { *status } else { 422 });
        }
        let id = call.path.strip_prefix("/v2/orders/").and_then(|id| id.parse::<u64>().ok());
        let status = match self.all.iter().position(|(order, ..)| Some(*order) == id) {
            None => 404,
            Some(at) if is_young(&self.all[at].2, call.now) => 409,
            Some(at) => {
                self.all.remove(at);
                200
            }
        };
        self.done.insert(key, (call.path.clone(), status));
        answer(status)
    }
}

fn answer(status: u16) -> Answer {
    Answer::new(status, json!({"done": status == 200}))
}

fn is_young(placed: &str, now: i64) -> bool {
    let placed: jiff::Timestamp = placed.parse().unwrap();
    placed.as_microsecond() + DAYS * 86_400_000_000 > now
}

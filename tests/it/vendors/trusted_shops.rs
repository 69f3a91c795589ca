//! Trusted Shops (eTrusted): tokens from another host for a short time, and cursors.

use serde_json::{Value, json};

use super::{Answer, Call, Vendor, place};

/// The reviews of a shop.
pub struct Etrusted {
    /// All of them.
    pub reviews: Vec<Value>,
    /// Are the credentials in force?
    pub client_is_valid: bool,
    /// Cursors that were handed out before this changed are not valid any more.
    pub era: u32,
    token: Option<(String, i64)>,
    made: u32,
    most: usize,
}

impl Etrusted {
    /// With so many reviews, each of another customer, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        Self { reviews: (0..count).map(review).collect(), client_is_valid: true, era: 0, token: None, made: 0, most }
    }
}

impl Vendor for Etrusted {
    fn answer(&mut self, call: &Call) -> Answer {
        if call.path == "/oauth/token" {
            let sent = |name: &str| call.body[name].as_str().unwrap_or_default().to_owned();
            let known =
                (sent("client_id"), sent("client_secret")) == ("a-client".to_owned(), "a-secret-of-theirs".to_owned());
            if !self.client_is_valid || !known || sent("audience") != "https://api.etrusted.com" {
                return Answer::new(401, json!({"error": "access_denied"}));
            }
            self.made += 1;
            self.token = Some((format!("token-{}", self.made), call.now + 60_000_000));
            return Answer::new(200, json!({"access_token": format!("token-{}", self.made), "expires_in": 60}));
        }
        let valid = self.client_is_valid
            && self.token.as_ref().is_some_and(|(token, until)| {
                *until > call.now && call.header("authorization") == format!("Bearer {token}")
            });
        if !valid {
            return Answer::new(401, json!({"message": "Unauthorized"}));
        }
        if (call.method.as_str(), call.path.as_str()) != ("GET", "/reviews") {
            return Answer::new(404, json!({"message": "Not Found"}));
        }
        let size = usize::try_from(call.number("count").unwrap_or(10)).unwrap();
        if size > 100 || call.stray(&["count", "after", "orderBy"]).is_some() {
            return Answer::new(400, json!({"message": "count"}));
        }
        let Some(start) = place(call.query.get("after").map_or("", String::as_str), self.era) else {
            return Answer::new(400, json!({"message": "after"}));
        };
        let items: Vec<&Value> = self.reviews.iter().skip(start).take(size.min(self.most)).collect();
        let end = start + items.len();
        let after = (end < self.reviews.len()).then(|| format!("{}-{end}", self.era));
        let paging = json!({"count": items.len(), "cursor": {"before": "", "after": after}, "links": {"previous": "", "next": null}});
        Answer::new(200, json!({"totalElements": self.reviews.len(), "paging": paging, "items": items}))
    }
}

pub fn review(number: usize) -> Value {
    json!({
        "id": format!("rev-{number}"), "channelRef": "chl-1", "rating": 5, "title": "Gut", "comment": "Gerne wieder.",
        "createdAt": "2026-04-02T18:12:00.000Z", "updatedAt": "2026-04-03T09:00:00.000Z", "submittedAt": "2026-04-02T18:12:00.000Z",
        "state": "APPROVED", "type": "SERVICE_REVIEW", "product": null,
        "customer": {"firstName": "Erika", "lastName": format!("Beispiel{number}"), "email": format!("Kunde{number}@example.org")},
    })
}

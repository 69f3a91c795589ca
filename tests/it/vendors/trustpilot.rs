//! Trustpilot: a token for key and secret in HTTP Basic, a key in every header, numbered pages, and a list of consumers whose data it
//! deleted.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Answer, Call, Vendor, place};

/// A business unit.
pub struct Reviews {
    /// Its reviews.
    pub reviews: Vec<Value>,
    /// Mail addresses of invitations.
    pub invited: Vec<String>,
    /// Consumers whose data was deleted, with the time.
    pub deletions: Vec<(String, String)>,
    /// Is the key in force?
    pub key_is_valid: bool,
    /// May the application act by itself, and not for a user alone?
    pub acts_by_itself: bool,
    /// May it read the private reviews?
    pub may_read: bool,
    /// Tokens of pages that were handed out before this changed are not valid any more.
    pub era: u32,
    /// Calls it refused because there were more than it allows.
    pub refused: u32,
    /// When the last ones were made.
    calls: VecDeque<i64>,
    token: Option<(String, i64)>,
    made: u32,
    most: usize,
}

impl Reviews {
    /// With so many reviews, each of another consumer, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let reviews = (0..count).map(review).collect();
        let (deletions, key_is_valid, acts_by_itself, may_read) = (Vec::new(), true, true, true);
        let (calls, token) = (VecDeque::new(), None);
        let invited = (0..count).map(|number| format!("kunde{number}@example.org")).collect();
        Self {
            reviews,
            invited,
            deletions,
            key_is_valid,
            acts_by_itself,
            may_read,
            era: 0,
            refused: 0,
            calls,
            token,
            made: 0,
            most,
        }
    }

    /// The token that is in force.
    pub fn token(&self) -> Option<(String, i64)> {
        self.token.clone()
    }

    /// Knows the token another part of the vendor handed out.
    pub fn take_token(&mut self, token: Option<(String, i64)>) {
        self.token = token;
    }

    /// May one more call be made? 833 in five minutes, 10,000 in an hour.
    fn allows(&mut self, now: i64) -> bool {
        let since = |calls: &VecDeque<i64>, seconds: i64| {
            calls.iter().rev().take_while(|at| now - **at < seconds * 1_000_000).count()
        };
        if since(&self.calls, 300) >= 833 || since(&self.calls, 3_600) >= 10_000 {
            self.refused += 1;
            return false;
        }
        self.calls.push_back(now);
        true
    }

    fn hand_out(&mut self, call: &Call) -> Answer {
        let pair = format!("Basic {}", BASE64_STANDARD.encode("a-key:a-secret"));
        if !self.key_is_valid || call.header("authorization") != pair {
            return Answer::new(401, json!({"error": "invalid_client"}));
        }
        let named = call.body["username"] == "erika@example.org" && call.body["password"] == "a-password";
        match call.body["grant_type"].as_str() {
            Some("client_credentials") if self.acts_by_itself => {}
            Some("password") if named => {}
            Some("client_credentials" | "password") => return Answer::new(401, json!({"error": "invalid_grant"})),
            _ => return Answer::new(400, json!({"error": "unsupported_grant_type"})),
        }
        self.made += 1;
        let token = format!("token-{}", self.made);
        self.token = Some((token.clone(), call.now + 359_999_000_000));
        Answer::new(200, json!({"access_token": token, "expires_in": "359999", "token_type": "Bearer"}))
    }
}

impl Vendor for Reviews {
    fn answer(&mut self, call: &Call) -> Answer {
        if call.path.ends_with("/accesstoken") {
            return self.hand_out(call);
        }
        if !self.key_is_valid || call.header("apikey") != "a-key" {
            return Answer::new(401, json!({"message": "invalid apikey"}));
        }
        if !self.allows(call.now) {
            return Answer::new(429, json!({"message": "Too many requests"}));
        }
        let valid = self.token.as_ref().is_some_and(|(token, until)| {
            *until > call.now && call.header("authorization") == format!("Bearer {token}")
        });
        match (call.method.as_str(), call.path.as_str()) {
            ("POST", "/v1/private/business-units/46d6a890/invitation-data/delete") => {
                let asked: Vec<String> =
                    serde_json::from_value(call.body["customerEmails"].clone()).unwrap_or_default();
                // Where an application acts by itself, it says for whom.
                if !valid || (self.acts_by_itself && call.header("x-business-user-id").is_empty()) {
                    return Answer::new(403, json!({"message": "Forbidden"}));
                }
                if asked.is_empty() || asked.len() > 1_000 {
                    return Answer::new(400, json!({"message": "customerEmails"}));
                }
                self.invited.retain(|mail| !asked.iter().any(|asked| asked.eq_ignore_ascii_case(mail)));
                Answer::new(200, Value::Null)
            }
            ("GET", "/v1/private/business-units/46d6a890/reviews") => {
                if !valid {
                    return Answer::new(401, json!({"message": "Unauthorized"}));
                }
                if !self.may_read {
                    return Answer::new(403, json!({"message": "Forbidden"}));
                }
                let size = usize::try_from(call.number("perPage").unwrap_or(20)).unwrap();
                if size > 100 || call.stray(&["page", "perPage", "orderBy"]).is_some() {
                    return Answer::new(400, json!({"message": "perPage"}));
                }
                let page = usize::try_from(call.number("page").unwrap_or(1)).unwrap();
                let size = size.min(self.most);
                let found: Vec<&Value> = self.reviews.iter().skip((page - 1) * size).take(size).collect();
                Answer::new(200, json!({"links": [], "reviews": found}))
            }
            ("GET", "/v1/consumers/deletions") => {
                let asked = |name: &str| call.query.get(name).map_or("", String::as_str).to_owned();
                assert!(!asked("startDate").is_empty(), "the list demands a beginning");
                assert!(call.number("limit").is_some_and(|limit| limit <= 1_000));
                let within = |at: &str| at >= asked("startDate").as_str() && at < asked("endDate").as_str();
                let found: Vec<Value> = self
                    .deletions
                    .iter()
                    .filter(|(_, at)| within(at))
                    .map(|(id, at)| json!({"consumerId": id, "deletedAt": at}))
                    .collect();
                let token = asked("nextToken");
                let Some(start) = place(&token, self.era) else {
                    return Answer::new(400, json!({"message": "nextToken"}));
                };
                let page: Vec<&Value> = found.iter().skip(start).take(2).collect();
                let end = start + page.len();
                let next = (end < found.len()).then(|| format!("{}-{end}", self.era));
                Answer::new(200, json!({"consumers": page, "nextToken": next}))
            }
            _ => Answer::new(404, json!({"message": "Not found"})),
        }
    }
}

fn review(number: usize) -> Value {
    json!({
        "id": format!("65f0{number:020}"), "consumer": {"id": format!("5f0a{number:020}"), "displayName": format!("Erika B{number}")},
        "stars": 5, "title": "Gut", "text": "Gerne wieder.", "createdAt": "2026-04-02T18:12:00.000Z", "updatedAt": null,
        "status": "active", "isVerified": true, "referralEmail": format!("kunde{number}@example.org"), "referenceId": "1",
    })
}

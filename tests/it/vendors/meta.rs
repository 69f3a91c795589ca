//! Meta: a token with the proof of the app's secret, forms with leads of their own, cursors, an error code instead of a status, and
//! headers that say in percent how much is used.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Answer, Call, Vendor, place};

/// The page.
pub const PAGE: &str = "100000000000001";
/// The page's account on Instagram.
pub const ACCOUNT: &str = "17841400000000001";
/// The token of the system user.
pub const TOKEN: &str = "EAAG-a-token-of-meta";
/// The app's secret.
pub const SECRET: &str = "an-app-secret";

/// A page with its forms and conversations.
pub struct Graph {
    /// Forms and their leads.
    pub forms: Vec<(String, Vec<Value>)>,
    /// Conversations of Messenger.
    pub conversations: Vec<Value>,
    /// Conversations of Instagram, if an account is linked.
    pub instagram: Option<Vec<Value>>,
    /// What the token may do.
    pub permissions: Vec<&'static str>,
    /// Cursors that were handed out before this changed are not valid any more.
    pub era: u32,
    /// Is the token in force?
    pub token_is_valid: bool,
    /// How many percent a call uses; a percent comes back each second.
    pub cost: f64,
    /// Calls that were refused because too much was used.
    pub refused: usize,
    used: f64,
    seen: i64,
    /// Objects on a page at most.
    pub most: usize,
}

impl Graph {
    /// With so many people, each with a lead in one of two forms and a conversation, and so many a page at most.
    pub fn with_people(count: usize, most: usize) -> Self {
        let of = |numbers: std::ops::Range<usize>| numbers.map(lead).collect();
        let forms = vec![
            ("900000000000001".to_owned(), of(0..count / 2)),
            ("900000000000002".to_owned(), Vec::new()),
            ("900000000000003".to_owned(), of(count / 2..count)),
        ];
        let conversations = (0..count).map(conversation).collect();
        Self {
            forms,
            conversations,
            instagram: None,
            permissions: vec!["pages_show_list", "leads_retrieval", "pages_messaging"],
            era: 0,
            token_is_valid: true,
            cost: 0.1,
            refused: 0,
            used: 0.0,
            seen: 0,
            most,
        }
    }

    fn page(&self, found: &[Value], call: &Call) -> Answer {
        if call.stray(&["fields", "filtering", "limit", "after", "platform", "appsecret_proof"]).is_some() {
            return error(400, 100, "Unknown parameter");
        }
        let size = usize::try_from(call.number("limit").unwrap_or(25)).unwrap().min(self.most);
        let after = call.query.get("after").map(|after| BASE64_STANDARD.decode(after).unwrap());
        let after = after.map_or_else(String::new, |after| String::from_utf8(after).unwrap());
        let Some(start) = place(&after, self.era) else { return error(400, 100, "Invalid cursor") };
        let data: Vec<&Value> = found.iter().skip(start).take(size).collect();
        let end = start + data.len();
        // The cursor stands there on the last page too.
        let mut paging =
            json!({"cursors": {"before": "QVFI", "after": BASE64_STANDARD.encode(format!("{}-{end}", self.era))}});
        if end < found.len() {
            paging["next"] = json!(format!("https://graph.facebook.com{}?access_token=x&after=y", call.path));
        }
        Answer::new(200, if data.is_empty() { json!({"data": []}) } else { json!({"data": data, "paging": paging}) })
    }

    fn answered(&mut self, call: &Call) -> Answer {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(TOKEN.as_bytes());
        let proof = hex::encode(mac.finalize().into_bytes());
        if !self.token_is_valid || call.header("authorization") != format!("Bearer {TOKEN}") {
            return error(400, 190, "Error validating access token");
        }
        if call.query.get("appsecret_proof") != Some(&proof) {
            return error(400, 100, "Invalid appsecret_proof provided in the API argument");
        }
        assert!(!call.query.contains_key("access_token"), "the token stands in the header");
        let path: Vec<&str> = call.path.trim_start_matches("/v25.0/").split('/').collect();
        match (call.method.as_str(), path.as_slice()) {
            ("GET", ["me", "permissions"]) => {
                let granted = self.permissions.iter().map(|one| json!({"permission": one, "status": "granted"}));
                let declined = [json!({"permission": "pages_manage_ads", "status": "declined"})];
                Answer::new(200, json!({"data": granted.chain(declined).collect::<Vec<_>>()}))
            }
            ("GET", [PAGE]) => Answer::new(200, json!({"id": PAGE})),
            ("GET", [PAGE, "leadgen_forms"]) => {
                let forms: Vec<Value> = self.forms.iter().map(|(id, _)| json!({"id": id})).collect();
                self.page(&forms, call)
            }
            ("GET", [PAGE, "conversations"]) => {
                let fields = call.query.get("fields").map_or("", String::as_str);
                assert!(fields.contains("messages.limit(100){message,from,created_time}"), "{fields}");
                match call.query.get("platform").map(String::as_str) {
                    Some("messenger") => self.page(&self.conversations, call),
                    Some("instagram") => match &self.instagram {
                        Some(conversations) => self.page(conversations, call),
                        None => error(400, 100, "(#100) No instagram account is linked"),
                    },
                    _ => error(400, 100, "(#100) platform"),
                }
            }
            ("GET", [form, "leads"]) => {
                let Some((_, leads)) = self.forms.iter().find(|(id, _)| id == form) else {
                    let mut gone = error(400, 100, "Unsupported get request. Object does not exist");
                    gone.body["error"]["error_subcode"] = json!(33);
                    return gone;
                };
                let since = call.query.get("filtering").map_or(0, |filtering| {
                    let filtering: Value = serde_json::from_str(filtering).unwrap();
                    assert_eq!(
                        (&filtering[0]["field"], &filtering[0]["operator"]),
                        (&json!("time_created"), &json!("GREATER_THAN"))
                    );
                    filtering[0]["value"].as_i64().unwrap()
                });
                let at = |lead: &&Value| {
                    let at: jiff::Timestamp =
                        lead["created_time"].as_str().unwrap().replace("+0000", "Z").parse().unwrap();
                    at.as_second() > since
                };
                let leads: Vec<Value> = leads.iter().filter(at).cloned().collect();
                self.page(&leads, call)
            }
            _ => error(400, 2500, "Unknown path components"),
        }
    }
}

impl Vendor for Graph {
    fn answer(&mut self, call: &Call) -> Answer {
        #[expect(clippy::cast_precision_loss, reason = "a share is no more exact than that")]
        let rested = (call.now - self.seen).max(0) as f64 / 1e6;
        (self.used, self.seen) = ((self.used - rested).max(0.0), call.now);
        let answer = if self.used + self.cost > 100.0 {
            self.refused += 1;
            error(400, 32, "(#32) Page request limit reached")
        } else {
            self.used += self.cost;
            self.answered(call)
        };
        let usage = json!({"call_count": self.used.floor(), "total_time": 1, "total_cputime": 1});
        let business = json!({PAGE: [{"type": "pages", "call_count": self.used.floor(), "total_cputime": 1, "total_time": 1,
            "estimated_time_to_regain_access": 0}]});
        answer.with("x-app-usage", usage.to_string()).with("x-business-use-case-usage", business.to_string())
    }
}

fn error(status: u16, code: u32, message: &str) -> Answer {
    let body = json!({"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEf"}});
    Answer::new(status, body)
}

/// A lead of a person.
pub fn lead(number: usize) -> Value {
    json!({
        "id": format!("70000000{number:04}"), "created_time": "2026-10-07T13:37:00+0000", "ad_id": "238500001", "campaign_id": "23850002",
        "campaign_name": "Herbst", "form_id": "900000000000001", "is_organic": false, "platform": "fb",
        "field_data": [
            {"name": "full_name", "values": [format!("Erika Beispiel{number}")]},
            {"name": "email", "values": [format!("Kunde{number}@example.org")]},
        ],
        "custom_disclaimer_responses": [{"checkbox_key": "newsletter", "is_checked": "1"}],
    })
}

/// A conversation with a person.
pub fn conversation(number: usize) -> Value {
    let person = format!("7100000000{number:04}");
    json!({
        "id": format!("t_{number}"), "updated_time": "2026-10-08T09:00:00+0000",
        "participants": {"data": [{"name": format!("Erika Beispiel{number}"), "id": person}, {"name": "Teeladen", "id": PAGE}]},
        "messages": {"data": [
            {"id": format!("m_{number}"), "created_time": "2026-10-08T09:00:00+0000", "message": "Wo ist mein Paket?",
             "from": {"name": format!("Erika Beispiel{number}"), "id": person}},
            {"id": format!("a_{number}"), "created_time": "2026-10-08T08:00:00+0000", "message": "Willkommen",
             "from": {"name": "Teeladen", "id": PAGE}},
        ]},
    })
}

/// A conversation with a person on Instagram, who stands there first or last.
pub fn talk(number: usize, first: bool) -> Value {
    let person = json!({"username": format!("erika{number}"), "id": format!("5100000000{number:04}")});
    let own = json!({"username": "teeladen", "id": ACCOUNT});
    json!({
        "id": format!("ig_{number}"), "updated_time": "2026-10-08T09:00:00+0000",
        "participants": {"data": if first { [person.clone(), own.clone()] } else { [own.clone(), person.clone()] }},
        "messages": {"data": [
            {"id": format!("i_{number}"), "created_time": "2026-10-08T09:00:00+0000", "message": "Hallo", "from": person},
            {"id": format!("o_{number}"), "created_time": "2026-10-08T08:00:00+0000", "message": "Willkommen", "from": own},
        ]},
    })
}

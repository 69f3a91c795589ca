//! CleverReach: one group of receivers, and another one that is somebody else's, behind a token that ends.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe};
use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct CleverReach {
    /// Receivers by mail address, as the vendor has them.
    pub receivers: BTreeMap<String, Value>,
    /// How many addresses it was told in all.
    pub told: usize,
    /// Is the client allowed?
    pub client_is_revoked: bool,
    /// Registrations: event, address, token of its calls.
    pub hooks: Vec<(String, String, String)>,
    registered: usize,
    tokens: BTreeMap<String, i64>,
    made: usize,
}

impl CleverReach {
    /// Tells whoever registered for it which receiver unsubscribed; nobody signs it.
    pub fn tell(&self, mail: &str) -> Vec<Delivery> {
        let hooks = self.hooks.iter().filter(|(event, _, _)| event == "receiver.unsubscribed");
        let payload = json!({"group_id": "550011", "pool_id": self.receivers[mail]["id"].to_string()});
        let body = json!({"payload": payload, "stamp": 1_772_890_801, "client_id": "1", "event": "receiver.unsubscribed", "condition": "550011"});
        hooks.map(|(_, address, token)| Delivery::json(address, &body).with("x-cr-calltoken", token)).collect()
    }

    /// The address must send the token of who registers it, and what it was tried with.
    fn register(&mut self, asked: &Value) -> Answer {
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let (event, address, verify) = (text("event"), text("url"), text("verify"));
        if !event.starts_with("receiver")
            || text("condition") != "550011"
            || !(10..=50).contains(&verify.len())
            || !is_safe(address)
        {
            return error(400, "bad request");
        }
        let answered = Delivery::trial(&format!("{address}?secret=1029384756")).send();
        if answered != (200, format!("{verify} 1029384756")) {
            return error(400, "Bad Request: verification failed");
        }
        self.registered += 1;
        let token = format!("a#token-{}-that-is-sent-along-with-every-call", self.registered);
        self.hooks.retain(|(of, at, _)| of != event || at != address);
        self.hooks.push((event.to_owned(), address.to_owned(), token.clone()));
        Answer::new(200, json!({"success": true, "call_token": token, "secret": "only-used-for-decrypting"}))
    }

    /// Who is active in the group.
    pub fn listed(&self) -> Vec<String> {
        self.receivers.iter().filter(|(_, one)| is_active(one)).map(|(mail, _)| mail.clone()).collect()
    }
}

fn is_active(one: &Value) -> bool {
    one["groups_id"] == "550011" && one["activated"].as_i64() > Some(0) && one["deactivated"] == 0
}

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, json!({"error": {"code": status, "message": message}}))
}

impl Vendor for CleverReach {
    fn answer(&mut self, call: &Call) -> Answer {
        if call.path == "/oauth/token.php" {
            let known = call.body["client_id"] == "c1" && call.body["client_secret"] == "hush";
            if self.client_is_revoked || !known || call.body["grant_type"] != "client_credentials" {
                return Answer::new(400, json!({"error": "invalid_client"}));
            }
            let token = format!("jwt{}", self.tokens.len());
            self.tokens.insert(token.clone(), call.now + 3_600_000_000);
            return Answer::new(200, json!({"access_token": token, "expires_in": 3600, "token_type": "bearer"}));
        }
        let token = call.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if self.client_is_revoked || self.tokens.get(token).is_none_or(|until| *until <= call.now) {
            return error(401, "Unauthorized: token expired");
        }
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/v3/groups/550011") => Answer::new(200, json!({"id": "550011", "name": "Newsletter"})),
            ("GET", "/v3/hooks/eventhook") => {
                let shown = |(event, address, _): &(String, String, String)| json!({"event": event, "url": address, "condition": "550011"});
                Answer::new(200, self.hooks.iter().map(shown).collect())
            }
            ("POST", "/v3/hooks/eventhook") => self.register(&call.body),
            ("DELETE", path) if path.starts_with("/v3/hooks/eventhook/") => {
                let event = path.trim_start_matches("/v3/hooks/eventhook/");
                self.hooks.retain(|(known, _, _)| known != event);
                Answer::new(200, json!(true))
            }
            ("POST", "/v3/groups/550011/receivers/upsertplus") => self.upsert(&call.body),
            ("GET", "/v3/groups/550011/receivers") => {
                let size = call.number("pagesize").unwrap_or(50);
                if size > 5_000 || call.query.get("type").map(String::as_str) != Some("inactive") {
                    return error(400, "bad request");
                }
                let size = usize::try_from(size).unwrap();
                let from = usize::try_from(call.number("page").unwrap_or(0)).unwrap() * size;
                let inactive = self.receivers.values().filter(|one| one["groups_id"] == "550011" && !is_active(one));
                Answer::new(200, inactive.skip(from).take(size).cloned().collect())
            }
            (method, path) => self.receiver(method, path, call.now),
        }
    }
}

impl CleverReach {
    fn upsert(&mut self, body: &Value) -> Answer {
        let Some(all) = body.as_array().filter(|all| all.len() <= 100) else { return error(400, "bad request") };
        assert!(all.iter().all(|one| one.get("deactivated").is_none()), "that would subscribe anew who unsubscribed");
        self.told += all.len();
        for one in all {
            let mail = one["email"].as_str().unwrap().to_lowercase();
            self.made += 1;
            let id = 1_000 + self.made;
            let entry = self.receivers.entry(mail).or_insert_with(|| json!({"id": id, "deactivated": 0}));
            entry["groups_id"] = json!("550011");
            for (name, value) in one.as_object().unwrap() {
                entry[name] = value.clone();
            }
        }
        Answer::new(200, json!(all.iter().map(|_| json!({"status": "insert success"})).collect::<Vec<_>>()))
    }

    fn receiver(&mut self, method: &str, path: &str, now: i64) -> Answer {
        let in_group = path.strip_prefix("/v3/groups/550011/receivers/");
        let Some(rest) = in_group.or_else(|| path.strip_prefix("/v3/receivers/")) else {
            return error(404, "not found");
        };
        let (wanted, action) = rest.split_once('/').unwrap_or((rest, ""));
        let wanted = super::decoded(wanted).to_lowercase();
        let found = self
            .receivers
            .iter()
            .find(|(mail, one)| **mail == wanted || wanted.parse().is_ok_and(|id: u64| one["id"] == id));
        let Some(mail) = found.map(|(mail, _)| mail.clone()) else {
            return error(404, "Not Found: receiver not found");
        };
        if in_group.is_some() && self.receivers[&mail]["groups_id"] != "550011" {
            return error(404, "Not Found: invalid receiver");
        }
        match (method, action, in_group.is_some()) {
            ("GET", "", _) => Answer::new(200, self.receivers[&mail].clone()),
            ("PUT", "deactivate", true) => {
                self.receivers.get_mut(&mail).unwrap()["deactivated"] = json!(now / 1_000_000);
                Answer::new(200, json!(true))
            }
            // They stay in other groups.
            ("DELETE", "", true) => {
                self.receivers.get_mut(&mail).unwrap()["groups_id"] = json!("7");
                Answer::new(200, json!(true))
            }
            ("DELETE", "", false) => {
                self.receivers.remove(&mail);
                Answer::new(200, json!(true))
            }
            _ => error(405, "method not allowed"),
        }
    }
}

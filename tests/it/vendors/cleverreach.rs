//! CleverReach: one group of receivers, behind a token that ends.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct CleverReach {
    /// Receivers by mail address, as the vendor has them.
    pub receivers: BTreeMap<String, Value>,
    /// Is the client allowed?
    pub client_is_revoked: bool,
    tokens: BTreeMap<String, i64>,
}

impl CleverReach {
    /// Who is active in the group.
    pub fn listed(&self) -> Vec<String> {
        let active = |one: &Value| one["activated"].as_i64() > Some(0) && one["deactivated"] == 0;
        self.receivers.iter().filter(|(_, one)| active(one)).map(|(mail, _)| mail.clone()).collect()
    }
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
            ("POST", "/v3/groups/550011/receivers/upsertplus") => self.upsert(&call.body),
            (method, path) => self.receiver(method, path),
        }
    }
}

impl CleverReach {
    fn upsert(&mut self, body: &Value) -> Answer {
        let Some(all) = body.as_array().filter(|all| all.len() <= 100) else { return error(400, "bad request") };
        for one in all {
            let mail = one["email"].as_str().unwrap().to_lowercase();
            let id = 1_000 + self.receivers.len();
            let entry = self.receivers.entry(mail).or_insert_with(|| json!({"id": id}));
            for (name, value) in one.as_object().unwrap() {
                entry[name] = value.clone();
            }
        }
        Answer::new(200, json!(all.iter().map(|_| json!({"status": "insert success"})).collect::<Vec<_>>()))
    }

    fn receiver(&mut self, method: &str, path: &str) -> Answer {
        let in_group = path.strip_prefix("/v3/groups/550011/receivers/");
        let Some(rest) = in_group.or_else(|| path.strip_prefix("/v3/receivers/")) else {
            return error(404, "not found");
        };
        let (wanted, action) = rest.split_once('/').unwrap_or((rest, ""));
        let wanted = super::decoded(wanted).to_lowercase();
        let found = self.receivers.iter().find(|(mail, one)| **mail == wanted || one["id"].to_string() == wanted);
        let Some(mail) = found.map(|(mail, _)| mail.clone()) else {
            return error(404, "Not Found: receiver not found");
        };
        match (method, action, in_group.is_some()) {
            ("GET", "", true) => Answer::new(200, self.receivers[&mail].clone()),
            ("PUT", "deactivate", true) => {
                self.receivers.get_mut(&mail).unwrap()["deactivated"] = json!(1_764_000_000);
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

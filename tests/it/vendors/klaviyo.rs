//! Klaviyo: one list of profiles. JSON:API with a revision in every call; jobs are only taken in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct Klaviyo {
    /// Profiles by mail address: are they in the list?
    pub profiles: BTreeMap<String, bool>,
    /// Profiles whose deletion was taken in.
    pub to_delete: Vec<String>,
    /// Is the key in force?
    pub key_is_revoked: bool,
    recent: Vec<i64>,
}

impl Klaviyo {
    /// Who is in the list.
    pub fn listed(&self) -> Vec<String> {
        self.profiles.iter().filter(|(_, listed)| **listed).map(|(mail, _)| mail.clone()).collect()
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(status, json!({"errors": [{"id": "1", "status": status, "code": code, "title": "", "detail": ""}]}))
}

impl Vendor for Klaviyo {
    fn answer(&mut self, call: &Call) -> Answer {
        self.recent.retain(|at| call.now - at < 1_000_000);
        if self.recent.len() >= 3 {
            return error(429, "throttled").with("retry-after", "1");
        }
        self.recent.push(call.now);
        if self.key_is_revoked || call.header("authorization") != "Klaviyo-API-Key pk_1" {
            return error(401, "not_authenticated");
        }
        let json_api = |name: &str| call.header(name) == "application/vnd.api+json";
        if call.header("revision") != "2026-07-15"
            || !json_api("accept")
            || (call.method != "GET" && !json_api("content-type"))
        {
            return error(400, "invalid");
        }
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/api/lists/Y6nRLr") => Answer::new(200, json!({"data": {"type": "list", "id": "Y6nRLr"}})),
            ("POST", "/api/profile-subscription-bulk-create-jobs") => {
                let data = &call.body["data"];
                let profiles = data["attributes"]["profiles"]["data"].as_array().cloned().unwrap_or_default();
                let list = data["relationships"]["list"]["data"]["id"] == "Y6nRLr";
                if profiles.is_empty() || profiles.len() > 1_000 || !list {
                    return error(400, "invalid");
                }
                for profile in profiles {
                    self.profiles.insert(profile["attributes"]["email"].as_str().unwrap().to_lowercase(), true);
                }
                Answer::new(202, Value::Null)
            }
            ("GET", "/api/lists/Y6nRLr/profiles") => self.found(call, true),
            ("GET", "/api/profiles") => self.found(call, false),
            ("DELETE", "/api/lists/Y6nRLr/relationships/profiles") => {
                for profile in call.body["data"].as_array().cloned().unwrap_or_default() {
                    let id = profile["id"].as_str().unwrap();
                    self.profiles
                        .iter_mut()
                        .filter(|(mail, _)| hex::encode(mail) == id)
                        .for_each(|(_, listed)| *listed = false);
                }
                Answer::new(204, Value::Null)
            }
            ("POST", "/api/data-privacy-deletion-jobs") => {
                let profile = &call.body["data"]["attributes"]["profile"]["data"];
                let Some(id) = profile["id"].as_str() else { return error(400, "invalid") };
                self.to_delete.push(String::from_utf8(hex::decode(id).unwrap()).unwrap());
                Answer::new(202, Value::Null)
            }
            _ => error(404, "not_found"),
        }
    }
}

impl Klaviyo {
    fn found(&self, call: &Call, listed: bool) -> Answer {
        let filter = call.query.get("filter").map_or("", String::as_str);
        let mail = filter.strip_prefix("equals(email,\"").and_then(|rest| rest.strip_suffix("\")"));
        let Some(mail) = mail.map(str::to_lowercase) else { return error(400, "invalid_filter") };
        let theirs = self.profiles.iter().filter(|(known, there)| **known == mail && (!listed || **there));
        let profile = |(mail, _): (&String, &bool)| json!({"type": "profile", "id": hex::encode(mail), "attributes": {"email": mail}});
        Answer::new(200, json!({"data": theirs.map(profile).collect::<Vec<_>>(), "links": {"next": null}}))
    }
}

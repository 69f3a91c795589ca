//! Klaviyo: one list of profiles. JSON:API with a revision in every call; jobs are only taken in. Subscribing somebody lifts what
//! keeps mail from them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct Klaviyo {
    /// Profiles by mail address: are they in the list?
    pub profiles: BTreeMap<String, bool>,
    /// Who unsubscribed, and when.
    pub suppressed: BTreeMap<String, String>,
    /// Profiles whose deletion was taken in.
    pub to_delete: Vec<String>,
    /// Is the key in force?
    pub key_is_revoked: bool,
    /// Is who unsubscribes meanwhile shown in lists only later?
    pub lists_lag: bool,
    recent: Vec<(&'static str, i64)>,
}

impl Klaviyo {
    /// Who is in the list.
    pub fn listed(&self) -> Vec<String> {
        self.profiles.iter().filter(|(_, listed)| **listed).map(|(mail, _)| mail.clone()).collect()
    }

    /// So many calls a second, for each kind.
    fn is_throttled(&mut self, call: &Call) -> bool {
        let (kind, most) = match call.path.as_str() {
            "/api/data-privacy-deletion-jobs" => ("deletion", 3),
            path if path.contains("/relationships/") => ("list", 10),
            _ => ("other", 75),
        };
        self.recent.retain(|(_, at)| call.now - at < 1_000_000);
        let met = self.recent.iter().filter(|(of, _)| *of == kind).count();
        self.recent.push((kind, call.now));
        met >= most
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(status, json!({"errors": [{"id": "1", "status": status, "code": code, "title": "", "detail": ""}]}))
}

impl Vendor for Klaviyo {
    fn answer(&mut self, call: &Call) -> Answer {
        if self.is_throttled(call) {
            return error(429, "throttled").with("retry-after", "1");
        }
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
                    let mail = profile["attributes"]["email"].as_str().unwrap().to_lowercase();
                    self.suppressed.remove(&mail);
                    self.profiles.insert(mail, true);
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
        let within = |start: &str, end: &str| filter.strip_prefix(start)?.strip_suffix(end).map(str::to_lowercase);
        let unsubscribed = r#"equals(subscriptions.email.marketing.suppression.reason,"UNSUBSCRIBE")"#;
        let one = within("equals(email,\"", "\")").map(|mail| vec![mail]);
        let many = within("any(email,[", "])")
            .and_then(|list| serde_json::from_str::<Vec<String>>(&format!("[{list}]")).ok())
            .filter(|list| list.len() <= 100);
        let mails = if filter == unsubscribed {
            self.suppressed.keys().filter(|_| !self.lists_lag).cloned().collect()
        } else {
            match one.or(many) {
                Some(mails) => mails,
                None => return error(400, "invalid_filter"),
            }
        };
        let (size, page) = (call.number("page[size]").unwrap_or(20), call.number("page[cursor]").unwrap_or(0));
        if !(1..=100).contains(&size) {
            return error(400, "invalid_page_size");
        }
        let (size, page) = (usize::try_from(size).unwrap(), usize::try_from(page).unwrap());
        let theirs = self.profiles.iter().filter(|(mail, there)| mails.contains(mail) && (!listed || **there));
        let theirs: Vec<Value> = theirs.map(|(mail, _)| self.profile(mail, call)).collect();
        let next = (theirs.len() > (page + 1) * size).then(|| {
            let pairs = call.query.iter().filter(|(name, _)| *name != "page[cursor]");
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .append_pair("page[cursor]", &(page + 1).to_string())
                .finish();
            format!("https://a.klaviyo.com{}?{query}", call.path)
        });
        let data: Vec<Value> = theirs.into_iter().skip(page * size).take(size).collect();
        Answer::new(200, json!({"data": data, "links": {"next": next}}))
    }

    fn profile(&self, mail: &str, call: &Call) -> Value {
        let mut attributes = json!({"email": mail});
        if call.query.get("additional-fields[profile]").is_some_and(|fields| fields == "subscriptions") {
            let suppression = self.suppressed.get(mail);
            let all = suppression.map(|at| json!({"reason": "UNSUBSCRIBE", "timestamp": at}));
            let consent = if suppression.is_some() { "UNSUBSCRIBED" } else { "SUBSCRIBED" };
            let marketing = json!({"consent": consent, "suppression": all.into_iter().collect::<Vec<_>>(),
                "list_suppressions": [], "can_receive_email_marketing": suppression.is_none()});
            attributes["subscriptions"] = json!({"email": {"marketing": marketing}});
        }
        json!({"type": "profile", "id": hex::encode(mail), "attributes": attributes})
    }
}

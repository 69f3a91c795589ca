//! Klaviyo: one list of profiles. JSON:API with a revision in every call; jobs are only taken in, and carried out later. Subscribing
//! somebody lifts what keeps mail from them, but for mailboxes that bounce. Its times have no offset.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hooks::{Delivery, is_safe, mac};
use super::{Answer, Call, Vendor};

/// The account.
#[derive(Default)]
pub struct Klaviyo {
    /// Profiles by mail address: are they in the list?
    pub profiles: BTreeMap<String, bool>,
    /// What keeps mail from people: the reason, and since when.
    pub suppressed: BTreeMap<String, (&'static str, String)>,
    /// Seconds after which jobs are carried out, at the next call then.
    pub lag: i64,
    jobs: Vec<(i64, Job)>,
    /// Is the key in force?
    pub key_is_revoked: bool,
    /// Is who unsubscribes meanwhile shown in lists only later?
    pub lists_lag: bool,
    /// Seconds for which the cursor of a page is good; an hour where it is not said.
    pub cursor_life: Option<i64>,
    /// System webhooks, each with its secret.
    pub hooks: Vec<Value>,
    /// Calls it refused because too many were made.
    pub throttled: u32,
    recent: Vec<(&'static str, i64)>,
}

/// What was taken in, by mail addresses.
enum Job {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    Delete(String),
}

/// What subscribing lifts.
const LIFTED: [&str; 3] = ["UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED"];

impl Klaviyo {
    fn carry_out(&mut self, now: i64) {
        let lag = self.lag * 1_000_000;
        let (due, jobs): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.jobs).into_iter().partition(|(at, _)| at + lag <= now);
        self.jobs = jobs;
        for (_, job) in due {
            match job {
                Job::Subscribe(mails) => {
                    for mail in mails {
                        if self.suppressed.get(&mail).is_some_and(|(reason, _)| LIFTED.contains(reason)) {
                            self.suppressed.remove(&mail);
                        }
                        self.profiles.insert(mail, true);
                    }
                }
                Job::Unsubscribe(mails) => {
                    for mail in mails {
                        let at = jiff::Timestamp::from_microsecond(now).unwrap().to_string();
                        self.suppressed.entry(mail).or_insert(("UNSUBSCRIBE", at));
                    }
                }
                Job::Delete(mail) => {
                    self.profiles.remove(&mail);
                    self.suppressed.remove(&mail);
                }
            }
        }
    }

    /// Tells whoever subscribed to it, several at once, as of the second `at`; `sent` is when it is told.
    pub fn tell(&self, topic: &str, mails: &[&str], at: i64, sent: &str) -> Vec<Delivery> {
        let topic = format!("event:klaviyo.{topic}");
        let event = |(number, mail): (usize, &&str)| {
            json!({"topic": topic, "external_id": format!("73WCC{number}-{at}"), "payload": {
                "data": {"type": "event", "id": "73WCC", "attributes": {"timestamp": at, "event_properties": {}}},
                "included": [{"type": "profile", "id": hex::encode(mail), "attributes": {"email": mail}}],
            }})
        };
        let events: Vec<Value> = mails.iter().enumerate().map(event).collect();
        let tell = |hook: &Value| {
            let body = json!({"data": events, "meta": {"timestamp": sent, "klaviyo_webhook_id": hook["id"], "klaviyo_account_id": "WBh"}});
            let sign = mac(
                hook["attributes"]["secret_key"].as_str().unwrap(),
                &[body.to_string().as_bytes(), sent.as_bytes()],
            );
            Delivery::json(hook["attributes"]["endpoint_url"].as_str().unwrap(), &body)
                .with("klaviyo-timestamp", sent)
                .with("klaviyo-webhook-id", hook["id"].as_str().unwrap())
                .with("klaviyo-signature", hex::encode(sign))
        };
        let wanted = |hook: &&Value| hook["topics"].as_array().unwrap().contains(&json!(topic));
        self.hooks.iter().filter(wanted).map(tell).collect()
    }

    fn webhooks(&mut self, call: &Call) -> Answer {
        // The address is shown truncated, and the secret never.
        let shown = |hook: &Value| {
            let address = hook["attributes"]["endpoint_url"].as_str().unwrap();
            let attributes =
                json!({"name": hook["attributes"]["name"], "endpoint_url": &address[..16], "enabled": true});
            json!({"type": "webhook", "id": hook["id"], "attributes": attributes})
        };
        match call.method.as_str() {
            "GET" => Answer::new(200, json!({"data": self.hooks.iter().map(shown).collect::<Vec<_>>()})),
            "POST" => {
                let data = &call.body["data"];
                let text = |name: &str| data["attributes"][name].as_str().unwrap_or_default();
                let topics = data["relationships"]["webhook-topics"]["data"].as_array().cloned().unwrap_or_default();
                if data["type"] != "webhook"
                    || text("name").is_empty()
                    || text("secret_key").len() < 16
                    || topics.is_empty()
                {
                    return error(400, "invalid");
                }
                assert!(is_safe(text("endpoint_url")) && topics.iter().all(|topic| topic["type"] == "webhook-topic"));
                let topics: Vec<Value> = topics.into_iter().map(|topic| topic["id"].clone()).collect();
                let hook = json!({"id": format!("01HF7{}", self.hooks.len()), "attributes": data["attributes"], "topics": topics});
                self.hooks.push(hook.clone());
                Answer::new(201, json!({"data": shown(&hook)}))
            }
            _ => {
                let id = call.path.trim_start_matches("/api/webhooks/");
                self.hooks.retain(|hook| hook["id"] != id);
                Answer::new(204, Value::Null)
            }
        }
    }

    /// Who is in the list.
    pub fn listed(&self) -> Vec<String> {
        self.profiles.iter().filter(|(_, listed)| **listed).map(|(mail, _)| mail.clone()).collect()
    }

    /// So many calls a second, for each kind.
    fn is_throttled(&mut self, call: &Call) -> bool {
        let (kind, most) = match call.path.as_str() {
            "/api/data-privacy-deletion-jobs" => ("deletion", 3),
            path if path.starts_with("/api/webhooks") => ("webhooks", 1),
            path if path.contains("/relationships/") => ("list", 10),
            _ => ("other", 75),
        };
        self.recent.retain(|(_, at)| call.now - at < 60_000_000);
        let within = |span: i64| self.recent.iter().filter(|(of, at)| *of == kind && call.now - at < span).count();
        let refuses = within(1_000_000) >= most || (kind == "webhooks" && within(60_000_000) >= 15);
        self.recent.push((kind, call.now));
        self.throttled += u32::from(refuses);
        refuses
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::new(status, json!({"errors": [{"id": "1", "status": status, "code": code, "title": "", "detail": ""}]}))
}

impl Vendor for Klaviyo {
    fn answer(&mut self, call: &Call) -> Answer {
        self.carry_out(call.now);
        let answer = self.answered(call);
        self.carry_out(call.now);
        answer
    }
}

impl Klaviyo {
    fn answered(&mut self, call: &Call) -> Answer {
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
                let mails = profiles.iter().map(|one| one["attributes"]["email"].as_str().unwrap().to_lowercase());
                self.jobs.push((call.now, Job::Subscribe(mails.collect())));
                Answer::new(202, Value::Null)
            }
            ("POST", "/api/profile-subscription-bulk-delete-jobs") => {
                let data = &call.body["data"];
                let profiles = data["attributes"]["profiles"]["data"].as_array().cloned().unwrap_or_default();
                let says_no =
                    |one: &Value| one["attributes"]["subscriptions"]["email"]["marketing"]["consent"] == "UNSUBSCRIBED";
                if data["type"] != "profile-subscription-bulk-delete-job"
                    || profiles.is_empty()
                    || profiles.len() > 100
                    || !profiles.iter().all(says_no)
                {
                    return error(400, "invalid");
                }
                assert!(data["relationships"].is_null(), "with a list only that list would end");
                let mails = profiles.iter().map(|one| one["attributes"]["email"].as_str().unwrap().to_lowercase());
                self.jobs.push((call.now, Job::Unsubscribe(mails.collect())));
                Answer::new(202, Value::Null)
            }
            (_, path) if path.starts_with("/api/webhooks") => self.webhooks(call),
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
                self.jobs.push((call.now, Job::Delete(String::from_utf8(hex::decode(id).unwrap()).unwrap())));
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
        let suppressed = filter.strip_prefix(r#"equals(subscriptions.email.marketing.suppression.reason,""#);
        let one = within("equals(email,\"", "\")").map(|mail| vec![mail]);
        let many = within("any(email,[", "])")
            .and_then(|list| serde_json::from_str::<Vec<String>>(&format!("[{list}]")).ok())
            .filter(|list| list.len() <= 100);
        let mails = if let Some(wanted) = suppressed.and_then(|rest| rest.strip_suffix("\")")) {
            let all = self.suppressed.iter().filter(|(_, (reason, _))| *reason == wanted && !self.lists_lag);
            all.map(|(mail, _)| mail.clone()).collect()
        } else {
            match one.or(many) {
                Some(mails) => mails,
                None => return error(400, "invalid_filter"),
            }
        };
        let size = call.number("page[size]").unwrap_or(20);
        if !(1..=100).contains(&size) {
            return error(400, "invalid_page_size");
        }
        // The page, and when its cursor was handed out.
        let page = match call.query.get("page[cursor]").map(|cursor| cursor.split_once('-')) {
            None => 0,
            Some(Some((page, made))) => {
                let life = self.cursor_life.unwrap_or(3_600) * 1_000_000;
                if made.parse().is_ok_and(|made: i64| call.now < made + life) {
                    page.parse().unwrap()
                } else {
                    return error(400, "invalid_cursor");
                }
            }
            Some(None) => return error(400, "invalid_cursor"),
        };
        let size = usize::try_from(size).unwrap();
        let theirs = self.profiles.iter().filter(|(mail, there)| mails.contains(mail) && (!listed || **there));
        let theirs: Vec<Value> = theirs.map(|(mail, _)| self.profile(mail, call)).collect();
        let next = (theirs.len() > (page + 1) * size).then(|| {
            let pairs = call.query.iter().filter(|(name, _)| *name != "page[cursor]");
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .append_pair("page[cursor]", &format!("{}-{}", page + 1, call.now))
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
            let all = suppression.map(|(reason, at)| json!({"reason": reason, "timestamp": at.trim_end_matches('Z')}));
            let unsubscribed = suppression.is_some_and(|(reason, _)| *reason == "UNSUBSCRIBE");
            let consent = if unsubscribed { "UNSUBSCRIBED" } else { "SUBSCRIBED" };
            let marketing = json!({"consent": consent, "suppression": all.into_iter().collect::<Vec<_>>(),
                "list_suppressions": [], "can_receive_email_marketing": suppression.is_none()});
            attributes["subscriptions"] = json!({"email": {"marketing": marketing}});
        }
        json!({"type": "profile", "id": hex::encode(mail), "attributes": attributes})
    }
}

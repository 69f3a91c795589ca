//! Meta's custom audiences: a token with the proof of the app's secret, terms of the ad account, digests in a schema, at most ten
//! thousand rows a call, and an error code instead of a status.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::meta::{SECRET, TOKEN};
use super::{Answer, Call, Vendor};

/// The ad account.
pub const ACCOUNT: &str = "1234567890";
/// The audience.
pub const AUDIENCE: &str = "23850000000000001";

/// An ad account with one audience.
pub struct Ads {
    /// Rows as they were sent: digest of the address, digest of the number.
    pub users: BTreeSet<(String, String)>,
    /// What was to be taken out, as it was sent.
    pub removals: Vec<(String, String)>,
    /// Were the terms accepted?
    pub terms_are_accepted: bool,
    /// Is the token in force?
    pub token_is_revoked: bool,
    sessions: BTreeSet<i64>,
    recent: Vec<i64>,
}

impl Default for Ads {
    fn default() -> Self {
        let (users, sessions, recent) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        Self { users, removals: Vec::new(), terms_are_accepted: true, token_is_revoked: false, sessions, recent }
    }
}

/// What Meta compares: SHA-256 of the lower-case address, or of the digits of a number with its country.
pub fn digest(value: &str) -> String {
    hex::encode(Sha256::digest(value))
}

fn error(status: u16, code: u32, message: &str) -> Answer {
    let body = json!({"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEf"}});
    Answer::new(status, body)
}

impl Vendor for Ads {
    fn answer(&mut self, call: &Call) -> Answer {
        self.recent.retain(|at| call.now - at < 1_000_000);
        let usage = |minutes: u32, percent: usize| {
            json!({ACCOUNT: [{"type": "custom_audience", "call_count": percent, "total_cputime": 1, "total_time": 1,
                "estimated_time_to_regain_access": minutes}]})
            .to_string()
        };
        if self.recent.len() >= 20 {
            return error(400, 80003, "(#80003) There have been too many calls to this ad-account.")
                .with("x-business-use-case-usage", usage(1, 100));
        }
        self.recent.push(call.now);
        let percent = self.recent.len();
        self.answered(call).with("x-business-use-case-usage", usage(0, percent))
    }
}

impl Ads {
    fn answered(&mut self, call: &Call) -> Answer {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(TOKEN.as_bytes());
        let proof = hex::encode(mac.finalize().into_bytes());
        if self.token_is_revoked || call.header("authorization") != format!("Bearer {TOKEN}") {
            return error(400, 190, "Error validating access token");
        }
        if call.query.get("appsecret_proof") != Some(&proof) {
            return error(400, 100, "Invalid appsecret_proof provided in the API argument");
        }
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", path) if path == format!("/v25.0/act_{ACCOUNT}") => {
                let accepted = if self.terms_are_accepted { json!({"custom_audience_tos": 1}) } else { json!({}) };
                Answer::new(200, json!({"tos_accepted": accepted, "id": format!("act_{ACCOUNT}")}))
            }
            (method, path) if path == format!("/v25.0/{AUDIENCE}/users") => self.users(method, &call.body),
            _ => error(400, 100, "Unsupported request. Object does not exist"),
        }
    }

    fn users(&mut self, method: &str, body: &Value) -> Answer {
        if !self.terms_are_accepted {
            return error(400, 200, "(#200) To create or edit an audience, accept the Custom Audience terms");
        }
        let schema: Vec<&str> =
            body["payload"]["schema"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let rows = body["payload"]["data"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() || rows.len() > 10_000 || schema.iter().any(|key| !["EMAIL", "PHONE"].contains(key)) {
            return error(400, 100, "(#100) Invalid parameter");
        }
        // Whoever opens a session must tell each batch once.
        let session = body["session"]["session_id"].as_i64();
        if session.is_some_and(|session| !self.sessions.insert(session)) {
            return error(400, 100, "(#100) This session was ended");
        }
        let mut invalid = 0;
        for row in &rows {
            let column = |name: &str| {
                let at = schema.iter().position(|key| *key == name);
                at.and_then(|at| row.get(at)?.as_str()).unwrap_or_default().to_owned()
            };
            let (mail, phone) = (column("EMAIL"), column("PHONE"));
            let is_digest = |text: &str| {
                text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            };
            if [&mail, &phone].iter().any(|text| !text.is_empty() && !is_digest(text))
                || (mail.is_empty() && phone.is_empty())
            {
                invalid += 1;
            } else if method == "POST" {
                self.users.insert((mail, phone));
            } else {
                self.removals.push((mail.clone(), phone.clone()));
                // It takes out whoever any of the digests is of.
                self.users.retain(|(known, number)| {
                    (mail.is_empty() || *known != mail) && (phone.is_empty() || *number != phone)
                });
            }
        }
        Answer::new(
            200,
            json!({"audience_id": AUDIENCE, "session_id": session.unwrap_or(1).to_string(), "num_received": rows.len(),
                "num_invalid_entries": invalid, "invalid_entry_samples": {}}),
        )
    }
}

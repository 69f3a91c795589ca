//! Tokens of the shop: for a user's password, for a code the merchant allowed, and for a refresh token that is another one each
//! time.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::{Answer, Call};

/// Microseconds a token lives.
const LIFE: i64 = 600_000_000;
/// Where the browser is led.
pub const REDIRECT: &str = "https://localhost/obhut";

/// What was handed out.
#[derive(Default)]
pub struct Grants {
    /// By which grants tokens were asked for, in their order.
    pub asked: Vec<String>,
    /// The refresh token in force.
    pub refresh: String,
    /// Does it give none that lasts?
    pub forgets: bool,
    tokens: HashMap<String, i64>,
    /// Codes that were not handed in yet, with the challenge each answers.
    codes: HashMap<String, String>,
    made: u32,
}

impl Grants {
    /// The merchant opens this address and allows it: where the browser is led then.
    pub fn allow(&mut self, address: &str) -> String {
        let address = url::Url::parse(address).unwrap();
        assert_eq!(address.path(), "/oauth/authorize");
        let asked: BTreeMap<String, String> = address.query_pairs().into_owned().collect();
        let right = [("response_type", "code"), ("client_id", "tee-client"), ("code_challenge_method", "S256")];
        assert!(right.iter().all(|(name, value)| asked[*name] == *value), "{asked:?}");
        assert_eq!((asked["redirect_uri"].as_str(), asked["scope"].as_str()), (REDIRECT, "customers offline"));
        self.made += 1;
        let code = format!("code-{}", self.made);
        self.codes.insert(code.clone(), asked["code_challenge"].clone());
        let mut to = url::Url::parse(REDIRECT).unwrap();
        to.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
        to.into()
    }

    /// No token that was handed out is in force any more.
    pub fn end_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Is this a token in force?
    pub(super) fn knows(&self, authorization: &str, now: i64) -> bool {
        let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
        self.tokens.get(token).is_some_and(|until| *until > now)
    }

    /// `POST /oauth/token`
    pub(super) fn hand_out(&mut self, call: &Call) -> Answer {
        let pair = format!("Basic {}", BASE64_STANDARD.encode("tee-client:tee-secret"));
        let refuse = |why: &str| Answer::new(400, json!({"error": why}));
        if call.header("authorization") != pair || call.body.get("client_secret").is_some() {
            return Answer::new(401, json!({"error": "invalid_client"}));
        }
        let said = |name: &str| call.body[name].as_str().unwrap_or_default().to_owned();
        let grant = said("grant_type");
        self.asked.push(grant.clone());
        let lasts = match grant.as_str() {
            "password" if said("username") == "erika" && said("password") == "geheim+1" => false,
            "authorization_code" => {
                // A code is good for one try.
                let Some(challenge) = self.codes.remove(&said("code")) else { return refuse("invalid_grant") };
                let proof = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(said("code_verifier")));
                if proof != challenge || said("redirect_uri") != REDIRECT {
                    return refuse("invalid_grant");
                }
                !self.forgets
            }
            "refresh_token" if !self.refresh.is_empty() && said("refresh_token") == self.refresh => true,
            "client_credentials" => false,
            _ => return refuse("invalid_grant"),
        };
        self.made += 1;
        let token = format!("token-{}", self.made);
        self.tokens.insert(token.clone(), call.now + LIFE);
        let mut answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 600});
        if lasts {
            self.refresh = format!("refresh-{}", self.made);
            answer["refresh_token"] = Value::String(self.refresh.clone());
        }
        Answer::new(200, answer)
    }
}

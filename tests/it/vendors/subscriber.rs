//! A program that is told what happened: it checks Standard Webhooks as their specification says, and takes nothing else.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{Answer, Call, Vendor};

/// The secret it knows.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/// The program.
pub struct Subscriber {
    /// What it took: ids and messages.
    pub heard: Vec<(String, Value)>,
    /// What it answers to a message that is signed well.
    pub status: u16,
    /// Messages that were not signed well.
    pub forged: usize,
}

impl Subscriber {
    /// It takes everything.
    pub fn new() -> Self {
        Self { heard: Vec::new(), status: 204, forged: 0 }
    }
}

impl Vendor for Subscriber {
    fn answer(&mut self, call: &Call) -> Answer {
        if (call.method.as_str(), call.path.as_str()) != ("POST", "/obhut") {
            return Answer::new(404, Value::Null);
        }
        let (id, sent) = (call.header("webhook-id"), call.header("webhook-timestamp"));
        let key = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{sent}.").as_bytes());
        mac.update(&call.raw);
        let own = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        let fresh = sent.parse::<i64>().is_ok_and(|sent| (call.now / 1_000_000 - sent).abs() <= 300);
        let signed = call.header("webhook-signature").split(' ').any(|shown| shown == own);
        if !fresh || !signed || !id.starts_with("msg_") {
            self.forged += 1;
            return Answer::new(401, Value::Null);
        }
        if self.status < 300 {
            self.heard.push((id.to_owned(), call.body.clone()));
        }
        Answer::new(self.status, serde_json::json!({"taken": self.status < 300}))
    }
}

//! What a vendor tells the hub by itself: calls of the fakes to the address that was subscribed at them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// A call to the hub. A fake makes it; the test sends it, because the hub may ask the fake before it answers.
#[derive(Clone)]
pub struct Delivery {
    /// The subscribed address.
    pub address: String,
    /// `POST`, or `GET` to try it.
    pub method: &'static str,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The bytes that are sent.
    pub body: String,
}

impl Delivery {
    /// Something in JSON.
    pub fn json(address: &str, body: &Value) -> Self {
        Self::post(address, "application/json", body.to_string())
    }

    /// A form.
    pub fn form(address: &str, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::post(address, "application/x-www-form-urlencoded", body)
    }

    /// A trial of the address.
    pub fn trial(address: &str) -> Self {
        Self { address: address.to_owned(), method: "GET", headers: Vec::new(), body: String::new() }
    }

    fn post(address: &str, kind: &str, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { address: address.to_owned(), method: "POST", headers, body }
    }

    /// With a header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends it, and waits for the answer: its status and body.
    pub fn send(&self) -> (u16, String) {
        let rest = self.address.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut head = format!("{} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", self.method);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(self.body.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// HMAC-SHA-256.
pub fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Vendors call by TLS alone; the tests' hub listens on this machine.
pub fn is_safe(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://127.0.0.1:")
}

//! HTTP/1.1 by hand over one connection: for clients that must cost little and measure exactly.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that stays open between calls.
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to `http://host:port`.
    pub fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address.trim_start_matches("http://"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, received: Vec::with_capacity(8_192) })
    }

    /// Sends a whole request and waits for the whole answer.
    pub fn call(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        self.received.clear();
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more()?;
        };
        let mut answer = Answer::of_head(&self.received[..head])?;
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.received.len() < head + length {
            self.more()?;
        }
        answer.body = self.received[head..].to_vec();
        Ok(answer)
    }

    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 8_192];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend_from_slice(&buffer[..count]);
        Ok(())
    }
}

impl Answer {
    /// An answer whose body is still to come.
    pub fn of_head(head: &[u8]) -> io::Result<Self> {
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status line"))?;
        Ok(Self { status, head, body: Vec::new() })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body as JSON; nothing if it is none.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The bytes of a `POST`.
pub fn post(path: &str, key: &str, body: &Value) -> Vec<u8> {
    with_headers(path, key, "", body)
}

/// The bytes of a `GET`.
pub fn get(path: &str, key: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
}

/// The bytes of a `POST` that has one effect however often it is sent.
pub fn post_once(path: &str, key: &str, once: &str, body: &Value) -> Vec<u8> {
    with_headers(path, key, &format!("idempotency-key: {once}\r\n"), body)
}

fn with_headers(path: &str, key: &str, headers: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         {headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

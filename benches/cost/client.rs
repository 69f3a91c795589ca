//! Clients that cost little themselves: keep-alive connections that speak just enough HTTP/1.1.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// One keep-alive connection.
pub struct Connection(BufReader<TcpStream>);

/// One call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub key: &'a str,
    pub media: &'a str,
    pub body: &'a str,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a str, key: &'a str) -> Self {
        Self { method: "GET", path, key, media: "application/json", body: "" }
    }

    pub fn post(path: &'a str, key: &'a str, body: &'a str) -> Self {
        Self { method: "POST", path, key, media: "application/json", body }
    }
}

impl Connection {
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Status and body of the reply.
    pub fn call(&mut self, call: Call<'_>) -> (u16, Vec<u8>) {
        let Call { method, path, key, media, body } = call;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut status, mut length, mut chunked) = (String::new(), 0, 0, false);
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let lower = line.trim().to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = lower.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if lower == "transfer-encoding: chunked" {
                chunked = true;
            } else if lower.is_empty() {
                break;
            }
        }
        let mut body = Vec::new();
        loop {
            if chunked {
                line.clear();
                self.0.read_line(&mut line).unwrap();
                length = usize::from_str_radix(line.trim(), 16).unwrap() + 2;
            }
            let start = body.len();
            body.resize(start + length, 0);
            self.0.read_exact(&mut body[start..]).unwrap();
            if !chunked || length == 2 {
                break;
            }
        }
        (status, body)
    }
}

/// Runs `work` for 0..count over `connections` connections and returns how long each took, shortest first.
pub fn each(
    address: &str,
    connections: usize,
    count: usize,
    work: impl Fn(&mut Connection, usize) + Sync,
) -> Vec<Duration> {
    let (next, times) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(count)));
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                let mut own = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let start = Instant::now();
                    work(&mut connection, at);
                    own.push(start.elapsed());
                }
                times.lock().unwrap().extend(own);
            });
        }
    });
    let mut times = times.into_inner().unwrap();
    times.sort_unstable();
    times
}

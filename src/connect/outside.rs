//! [`Outside`]: the one place from which the hub calls others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use url::Url;

use super::Fault;
use super::guard::{Directory, Guard, Private};

/// A file that comes in.
pub(super) type Pieces = BoxStream<'static, Result<Bytes, Fault>>;

/// The longest a file takes to come in.
const LONGEST_FILE: Duration = Duration::from_secs(6 * 3_600);
/// Redirects followed for one call.
const HOPS: usize = 3;

/// Calls others: only whom the guard allows, with a limit on time and on the size of replies.
pub(super) struct Outside {
    client: Client,
    guard: Arc<Guard>,
    most: u32,
}

/// A call that is ready to be made.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What came of asking for a file.
pub(super) enum File {
    Opened(Pieces),
    Refused(StatusCode, HeaderMap),
}

impl Outside {
    /// For one source.
    #[expect(clippy::disallowed_methods, reason = "the one place where outgoing HTTP begins")]
    pub(super) fn new(guard: Guard, timeout: Duration, most_mib: u32) -> Result<Self, Fault> {
        // Twice is harmless: the second finds the first one's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Arc::new(guard);
        let client = Client::builder()
            .user_agent(concat!("Obhut/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // A proxy of the environment would connect for us, past the guard.
            .no_proxy()
            .dns_resolver(Directory(Arc::clone(&guard)))
            .timeout(timeout)
            // A file may take longer, as long as something comes.
            .read_timeout(timeout)
            .connect_timeout(Duration::from_secs(10).min(timeout))
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(|_| Fault::Machine)?;
        Ok(Self { client, guard, most: most_mib })
    }

    /// Makes a call and reads its reply.
    pub(super) async fn send(&self, prepared: &Prepared) -> Result<Reply, Fault> {
        let (reply, host) = self.follow(prepared, None).await?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let most = usize::try_from(self.most).unwrap_or(usize::MAX).saturating_mul(1 << 20);
        let mut body = Vec::new();
        let mut pieces = pieces(reply, host);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            if body.len() + piece.len() > most {
                return Err(Fault::TooLarge(self.most));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, headers, body })
    }

    /// Opens a file. However long it is, it comes in pieces, as fast as they are taken.
    pub(super) async fn open(&self, prepared: &Prepared) -> Result<File, Fault> {
        let (reply, host) = self.follow(prepared, Some(LONGEST_FILE)).await?;
        Ok(match reply.status() {
            status if status.is_success() => File::Opened(pieces(reply, host)),
            status => File::Refused(status, reply.headers().clone()),
        })
    }

    /// Makes a call. A redirect within the host is followed, if it may be repeated as it is; every hop is checked anew.
    async fn follow(&self, prepared: &Prepared, time: Option<Duration>) -> Result<(Response, String), Fault> {
        let mut url = prepared.url.clone();
        for _ in 0..=HOPS {
            let (reply, host) = self.once(prepared, &url, time).await?;
            if !reply.status().is_redirection() || reply.status() == StatusCode::NOT_MODIFIED {
                return Ok((reply, host));
            }
            let keeps = prepared.method == Method::GET || matches!(reply.status().as_u16(), 307 | 308);
            let next = reply.headers().get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| url.join(to).ok());
            // Never to another host, and never back to plain HTTP: the call carries credentials.
            let next = next.filter(|next| {
                keeps
                    && next.host_str() == url.host_str()
                    && (next.scheme() == "https" || next.scheme() == url.scheme())
            });
            url = next.ok_or(Fault::Moved(host))?;
        }
        Err(Fault::Moved(url.host_str().unwrap_or_default().to_owned()))
    }

    async fn once(&self, prepared: &Prepared, url: &Url, time: Option<Duration>) -> Result<(Response, String), Fault> {
        let url = self.guard.route(url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = self.client.request(prepared.method.clone(), url).headers(prepared.headers.clone());
        if let Some(body) = &prepared.body {
            request = request.body(body.clone());
        }
        if let Some(time) = time {
            request = request.timeout(time);
        }
        let reply = request.send().await.map_err(|error| fault(&error, &host))?;
        Ok((reply, host))
    }
}

/// What a reply holds, as it comes.
fn pieces(reply: Response, host: String) -> Pieces {
    // Cut off in the middle: the same call may succeed.
    let cut =
        move |error: reqwest::Error| if error.is_timeout() { Fault::Timeout(host.clone()) } else { Fault::Unreadable };
    reply.bytes_stream().map(move |piece| piece.map_err(&cut)).boxed()
}

/// The error's own text may quote the address with what stands in its query; only its kind is told.
fn fault(error: &reqwest::Error, host: &str) -> Fault {
    let host = host.to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<Private>() {
            return Fault::PrivateHost(host);
        }
        let text = inner.to_string();
        if text.contains("dns error") && !error.is_timeout() {
            // The cause below says whether the guard or the directory refused.
            let below =
                std::iter::successors(inner.source(), |inner| inner.source()).any(|inner| inner.is::<Private>());
            return if below { Fault::PrivateHost(host) } else { Fault::UnknownHost(host) };
        }
        cause = inner.source();
    }
    if error.is_timeout() { Fault::Timeout(host) } else { Fault::Unreachable(host) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::connect::Outgoing;
    use crate::connect::guard::HostRule;
    use crate::types::SystemClock;
    use crate::vendors::{Answer, Break, Call, Fake, Vendor};

    /// Sends callers elsewhere, and talks too much.
    struct Maze;

    impl Vendor for Maze {
        fn answer(&mut self, call: &Call) -> Answer {
            let to = |status, place: &str| Answer::new(status, serde_json::Value::Null).with("location", place);
            match call.path.as_str() {
                "/here" => to(301, "/there"),
                "/again" => to(307, "/there"),
                "/round" => to(302, "/round"),
                "/away" => to(302, "http://169.254.169.254/latest/meta-data"),
                "/other" => to(302, "http://localhost:1/"),
                "/much" => Answer::new(200, json!("x".repeat(2 << 20))),
                _ => Answer::new(200, json!({"method": call.method, "token": call.header("authorization")})),
            }
        }
    }

    async fn call(method: Method, path: &str, how: &[Break]) -> Result<String, &'static str> {
        let fake = Fake::serve(Maze, Arc::new(SystemClock));
        fake.break_calls(0, how);
        let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".into(), "localhost".into()], ..Outgoing::default() };
        let rules = ["127.0.0.1", "localhost", "169.254.169.254"].map(HostRule::parse).to_vec();
        let outside = Outside::new(Guard::new(rules, &outgoing).unwrap(), Duration::from_secs(20), 1).unwrap();
        let url = Url::parse(&format!("{}{path}", fake.address())).unwrap();
        let headers = HeaderMap::from_iter([(reqwest::header::AUTHORIZATION, "secret".parse().unwrap())]);
        let reply = outside.send(&Prepared { method, url, headers, body: None }).await;
        reply.map(|reply| String::from_utf8(reply.body).unwrap()).map_err(|fault| fault.word())
    }

    #[tokio::test]
    async fn a_redirect_is_followed_within_the_host_alone() {
        let there = r#"{"method":"GET","token":"secret"}"#;
        assert_eq!(call(Method::GET, "/here", &[]).await.as_deref(), Ok(there));
        assert_eq!(call(Method::POST, "/again", &[]).await.as_deref(), Ok(r#"{"method":"POST","token":"secret"}"#));
        // What was sent would not be sent again.
        assert_eq!(call(Method::POST, "/here", &[]).await, Err("moved"));
        for path in ["/away", "/other", "/round"] {
            assert_eq!(call(Method::GET, path, &[]).await, Err("moved"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_reply_ends_somewhere_and_is_whole() {
        assert_eq!(call(Method::GET, "/much", &[]).await, Err("reply_too_large"));
        let broken = call(Method::GET, "/", &[Break::HangUp]).await.unwrap_err();
        assert!(["unreadable_reply", "unreachable"].contains(&broken), "{broken}");
    }

    #[tokio::test]
    async fn an_address_of_a_private_network_is_not_called() {
        let rules = vec![HostRule::parse("127.0.0.1"), HostRule::parse("localhost")];
        let guard = Guard::new(rules, &Outgoing::default()).unwrap();
        let outside = Outside::new(guard, Duration::from_secs(5), 1).unwrap();
        // The first by what is written, the second by what the directory says.
        for url in ["https://127.0.0.1/", "https://localhost/"] {
            let prepared =
                Prepared { method: Method::GET, url: Url::parse(url).unwrap(), headers: HeaderMap::new(), body: None };
            let fault = outside.send(&prepared).await.err().unwrap();
            assert_eq!(fault.word(), "private_host", "{url}");
        }
    }
}

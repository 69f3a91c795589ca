//! [`Outside`]: the one place from which the hub calls others.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method, StatusCode, redirect};
use url::Url;

use super::Fault;
use super::guard::{Directory, Guard, Private};

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
            .connect_timeout(Duration::from_secs(10).min(timeout))
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(|_| Fault::Machine)?;
        Ok(Self { client, guard, most: most_mib })
    }

    /// Makes a call. A redirect within the host is followed, if it may be repeated as it is; every hop is checked anew.
    pub(super) async fn send(&self, prepared: &Prepared) -> Result<Reply, Fault> {
        let mut url = prepared.url.clone();
        for _ in 0..=HOPS {
            let reply = self.once(prepared, &url).await?;
            if !reply.status.is_redirection() || reply.status == StatusCode::NOT_MODIFIED {
                return Ok(reply);
            }
            let host = url.host_str().unwrap_or_default().to_owned();
            let keeps = prepared.method == Method::GET || matches!(reply.status.as_u16(), 307 | 308);
            let next = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| url.join(to).ok());
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

    async fn once(&self, prepared: &Prepared, url: &Url) -> Result<Reply, Fault> {
        let url = self.guard.route(url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = self.client.request(prepared.method.clone(), url).headers(prepared.headers.clone());
        if let Some(body) = &prepared.body {
            request = request.body(body.clone());
        }
        let reply = request.send().await.map_err(|error| fault(&error, &host))?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let most = usize::try_from(self.most).unwrap_or(usize::MAX).saturating_mul(1 << 20);
        let mut body = Vec::new();
        let mut pieces = reply.bytes_stream();
        while let Some(piece) = pieces.next().await {
            // Cut off in the middle: the same call may succeed.
            let piece = piece
                .map_err(|error| if error.is_timeout() { Fault::Timeout(host.clone()) } else { Fault::Unreadable })?;
            if body.len() + piece.len() > most {
                return Err(Fault::TooLarge(self.most));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, headers, body })
    }
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

//! [`Guard`]: which addresses may be called. A merchant enters addresses, and redirects and directories name others; none of
//! them may make the hub call a machine of its own network, or hand a credential to a stranger (SSRF).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::Fault;

/// What the operator of this hub allows beyond what is allowed to everybody. No API sets it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outgoing {
    /// Hosts in private networks that may be called, also without encryption.
    pub private_hosts: Vec<String>,
    /// Calls to the origin on the left go to that on the right: `https://api.vendor.example` to `http://127.0.0.1:4010`.
    /// For sandboxes and gateways; the right side counts as allowed.
    pub via: BTreeMap<String, String>,
}

/// Checks every address before it is called, and every machine before it is spoken to.
pub(super) struct Guard {
    hosts: Vec<HostRule>,
    private: Vec<String>,
    via: Vec<(Url, Url)>,
}

/// Hosts that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostRule {
    /// This one.
    Exact(String),
    /// Every host whose name ends so, with its leading dot.
    Below(String),
}

impl HostRule {
    /// Reads `api.vendor.example` or `*.vendor.example`.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        text.strip_prefix('*').map_or_else(|| Self::Exact(text.clone()), |below| Self::Below(below.to_owned()))
    }

    pub(super) fn allows(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host == name,
            Self::Below(end) => host.len() > end.len() && host.ends_with(end),
        }
    }
}

impl Guard {
    pub(super) fn new(hosts: Vec<HostRule>, outgoing: &Outgoing) -> Result<Self, Fault> {
        let mut private: Vec<String> = outgoing.private_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let mut via = Vec::new();
        for (from, to) in &outgoing.via {
            let origin = |text: &str| Url::parse(text).ok().filter(|url| url.host().is_some());
            let (Some(from), Some(to)) = (origin(from), origin(to)) else { return Err(Fault::Address(to.clone())) };
            private.push(to.host_str().unwrap_or_default().to_owned());
            via.push((from, to));
        }
        Ok(Self { hosts, private, via })
    }

    /// Where a call to `url` really goes, if it may be made.
    pub(super) fn route(&self, url: &Url) -> Result<Url, Fault> {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        if !self.hosts.iter().any(|rule| rule.allows(&host)) {
            return Err(Fault::ForeignHost(host));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Fault::Address("one with a name or password in it".to_owned()));
        }
        let routed = self.via.iter().find(|(from, _)| from.origin() == url.origin());
        let Some((_, to)) = routed else {
            self.check(url)?;
            return Ok(url.clone());
        };
        let mut url = url.clone();
        let moved = url.set_scheme(to.scheme()).and_then(|()| url.set_host(to.host_str()).map_err(drop));
        moved.and_then(|()| url.set_port(to.port())).map_err(|()| Fault::Address(to.to_string()))?;
        Ok(url)
    }

    /// What can be said of an address before anybody is asked where its host is.
    fn check(&self, url: &Url) -> Result<(), Fault> {
        let name = url.host_str().unwrap_or_default();
        let allowed = self.is_allowed(name);
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if address.is_some_and(|address| !is_public(address)) && !allowed {
            return Err(Fault::PrivateHost(name.to_owned()));
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if allowed => Ok(()),
            "http" => Err(Fault::Plain(name.to_owned())),
            _ => Err(Fault::Address("an address with another scheme than https".to_owned())),
        }
    }

    fn is_allowed(&self, host: &str) -> bool {
        self.private.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// Asks the directory, and passes on only addresses that may be spoken to. What it passes on is what is connected to, so a
/// name that answers differently the second time gains nothing.
pub(super) struct Directory(pub(super) Arc<Guard>);

/// A name that leads into a private network. It tells by whom the call was stopped.
#[derive(Debug, thiserror::Error)]
#[error("the name leads into a private network")]
pub(super) struct Private;

impl Resolve for Directory {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let there = !found.is_empty();
            let allowed = guard.is_allowed(name.as_str());
            let open: Vec<_> = found.into_iter().filter(|address| allowed || is_public(address.ip())).collect();
            if there && open.is_empty() {
                return Err(Private.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// Is it an address of the public internet? The lists are those of RFC 6890 and its registry.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(matches!(a, 0 | 10 | 127 | 224..)
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && matches!(c, 0 | 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && matches!(b, 18 | 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inner = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if (a, b, c, d, e, f) == (0, 0, 0, 0, 0, 0xffff) || (a, b, c, d, e, f) == (0x64, 0xff9b, 0, 0, 0, 0) {
        return is_public_v4(inner(g, h));
    }
    if a == 0x2002 {
        return is_public_v4(inner(b, c));
    }
    // Global unicast alone, without Teredo and other assignments of the protocol itself, and without documentation.
    a & 0xe000 == 0x2000 && !(a == 0x2001 && (b < 0x200 || b == 0xdb8)) && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(private: &[&str], via: &[(&str, &str)]) -> Guard {
        let outgoing = Outgoing {
            private_hosts: private.iter().map(ToString::to_string).collect(),
            via: via.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
        };
        let rules = ["api.vendor.example", "*.shops.example", "10.1.2.3", "127.0.0.1", "8.8.8.8", "[::1]", "localhost"];
        Guard::new(rules.into_iter().map(HostRule::parse).collect(), &outgoing).unwrap()
    }

    fn route(guard: &Guard, url: &str) -> Result<String, &'static str> {
        guard.route(&Url::parse(url).unwrap()).map(|url| url.to_string()).map_err(|fault| fault.word())
    }

    #[test]
    fn only_named_hosts_are_called() {
        let guard = guard(&[], &[]);
        for url in ["https://api.vendor.example/x", "https://API.vendor.example:8443/x", "https://a.b.shops.example/"] {
            assert!(route(&guard, url).is_ok(), "{url}");
        }
        for url in [
            "https://vendor.example/",
            "https://api.vendor.example.evil.example/",
            "https://shops.example/",
            "https://evilshops.example/",
            "https://api.vendor.example@evil.example/",
        ] {
            assert_eq!(route(&guard, url), Err("foreign_host"), "{url}");
        }
        assert_eq!(route(&guard, "https://user:pass@api.vendor.example/"), Err("wrong_address"));
        assert_eq!(route(&guard, "ftp://api.vendor.example/"), Err("wrong_address"));
    }

    #[test]
    fn a_private_network_is_for_the_operator_to_allow() {
        let closed = guard(&[], &[]);
        for url in ["https://10.1.2.3/", "https://127.0.0.1/", "http://127.0.0.1:8080/", "https://[::1]/"] {
            assert_eq!(route(&closed, url), Err("private_host"), "{url}");
        }
        assert_eq!(route(&closed, "http://api.vendor.example/"), Err("not_encrypted"));
        assert!(route(&closed, "https://8.8.8.8/").is_ok());
        // 127.0.0.1 in other spellings is the same address.
        for url in ["https://0x7f.1/", "https://2130706433/"] {
            assert_eq!(route(&closed, url), Err("private_host"), "{url}");
        }
        let open = guard(&["127.0.0.1"], &[]);
        assert!(route(&open, "http://127.0.0.1:8080/x").is_ok());
        assert_eq!(route(&open, "https://10.1.2.3/"), Err("private_host"));
    }

    #[test]
    fn a_call_can_be_led_elsewhere_by_the_operator_alone() {
        let guard = guard(&[], &[("https://api.vendor.example", "http://127.0.0.1:4010")]);
        assert_eq!(
            route(&guard, "https://api.vendor.example/v1/x?y=1").as_deref(),
            Ok("http://127.0.0.1:4010/v1/x?y=1")
        );
        assert_eq!(route(&guard, "https://evil.example/"), Err("foreign_host"));
    }

    #[test]
    fn private_addresses_in_every_dress() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450:4001::1", "2606:4700::1111", "64:ff9b::8.8.8.8"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_connected_to() {
        let name = || "localhost".parse::<Name>().unwrap();
        let refused = Directory(Arc::new(guard(&[], &[]))).resolve(name()).await;
        assert!(refused.err().unwrap().is::<Private>());
        let allowed = Directory(Arc::new(guard(&["localhost"], &[]))).resolve(name()).await;
        assert!(allowed.unwrap().next().is_some());
    }
}

//! [`Link`]: how a vendor is reached, read from its manifest.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::HeaderName;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use url::Url;

use super::auth::Auth;
use super::call::{At, Call, Headers};
use super::filter::Filter;
use super::guard::HostRule;
use super::manifest::link::{LinkSpec, ParameterKind, ParameterSpec, TestSpec, ThrottleSpec, UsageSpec, WhoamiSpec};
use super::mapping::{exact, value};
use super::pace::Limit;
use super::template::{Template, Variables};
use super::{Error, Fault};

/// What the merchant entered, by name.
pub type Parameters = BTreeMap<String, String>;

/// How a vendor is reached.
pub struct Link {
    guide: String,
    parameters: BTreeMap<String, ParameterSpec>,
    derived: Vec<(String, Filter)>,
    base_url: Template,
    hosts: Vec<String>,
    pub(super) auth: Auth,
    pub(super) headers: Headers,
    pub(super) limits: Vec<Limit>,
    pub(super) at_once: u8,
    limits_of: Option<Template>,
    /// What sources that share one of the limits have in common, limit by limit.
    limit_of: Vec<Option<Template>>,
    pub(super) throttle: Throttle,
    pub(super) usage: Option<Usage>,
    pub(super) refused: Option<Filter>,
    pub(super) refuses: Vec<u16>,
    pub(super) error_code: Option<Filter>,
    pub(super) tests: Vec<Proof>,
    pub(super) whoami: Option<Whoami>,
    pub(super) max_reply_mib: u32,
    pub(super) timeout: Duration,
}

/// A parameter, for whoever asks the merchant for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the vendor's program calls it.
    pub title: &'a str,
    /// Must it never be shown again?
    pub secret: bool,
    /// How one looks.
    pub example: Option<&'a str>,
    /// May it be left out?
    pub optional: bool,
    /// Days after which the vendor lets it end.
    pub ends_after_days: Option<u16>,
}

/// A harmless call that proves something.
pub(super) struct Proof {
    pub(super) call: Call,
    pub(super) expect: Option<Filter>,
    pub(super) otherwise: Option<String>,
    /// Says what the credentials may not do beside reading.
    pub(super) lacks: Option<Filter>,
    /// The right it proves, as the vendor calls it.
    pub(super) proves: Option<String>,
}

/// The call that tells whose account the credentials are for.
pub(super) struct Whoami {
    pub(super) call: Call,
    pub(super) id: Filter,
}

/// How the vendor says how much of what it allows is used.
pub(super) struct Usage {
    pub(super) headers: Vec<HeaderName>,
    pub(super) percent: Filter,
    pub(super) wait_minutes: Option<Filter>,
    pub(super) slow_from: f64,
}

/// How the vendor says "too many calls".
pub(super) struct Throttle {
    pub(super) status: Vec<u16>,
    pub(super) body: Option<Filter>,
    pub(super) retry_after: String,
}

impl Link {
    pub(super) fn load(spec: LinkSpec, at: At<'_>) -> Result<Self, Error> {
        let mut names: Vec<&str> = spec.parameters.keys().map(String::as_str).collect();
        for name in spec.parameters.keys().chain(spec.derived.keys()) {
            if WORDS.contains(&name.as_str()) {
                return Err(at.wrong(name, format!("`{name}` is a word of requests; give the parameter another name")));
            }
        }
        let derived = spec
            .derived
            .iter()
            .map(|(name, code)| Ok((name.clone(), at.filter(code, &format!("connection.derived.{name}"))?)));
        let derived = derived.collect::<Result<Vec<_>, Error>>()?;
        names.extend(spec.derived.keys().map(String::as_str));
        for host in &spec.hosts {
            let parameter = host.strip_prefix('{').and_then(|host| host.strip_suffix('}'));
            match parameter {
                Some(name) if spec.parameters.get(name).is_none_or(|known| known.kind != ParameterKind::Url) => {
                    return Err(at.wrong(host, format!("`{host}` must name a parameter of the kind url")));
                }
                None if host.contains(['{', '/', ':']) || host.is_empty() || host == "*" || host == "*." => {
                    return Err(at.wrong(host, "write a host: api.vendor.example, *.vendor.example, or {parameter}"));
                }
                _ => {}
            }
        }
        let (known, hosts) = (names.clone(), spec.hosts.clone());
        let at = at.reached(&known, &hosts);
        if spec.at_once == 0 {
            return Err(at.wrong("at_once:", "one call at once is the least"));
        }
        let first = spec.test.as_slice();
        let tests = first.iter().flat_map(|test| std::iter::once(test).chain(&test.also));
        let tests = tests.map(|test| Proof::load(test, at.within(&["test"]), &names)).collect::<Result<_, Error>>()?;
        let ThrottleSpec { status, body, retry_after } = spec.throttle;
        let limit_of =
            spec.limits.iter().map(|limit| limit.of.as_ref().map(|text| at.template(text, &names)).transpose());
        let limit_of = limit_of.collect::<Result<_, Error>>()?;
        Ok(Self {
            guide: spec.guide,
            derived,
            base_url: at.template(&spec.base_url, &names)?,
            hosts: spec.hosts,
            auth: Auth::load(spec.auth, &spec.parameters, at, &names)?,
            headers: Headers::load(&spec.headers, at, &names)?,
            limits: spec.limits.into_iter().map(|limit| Limit::load(limit, at)).collect::<Result<_, Error>>()?,
            at_once: spec.at_once,
            limit_of,
            limits_of: spec.limits_of.map(|text| at.template(&text, &names)).transpose()?,
            throttle: Throttle {
                status,
                body: body.map(|code| at.filter(&code, "connection.throttle.body")).transpose()?,
                retry_after,
            },
            usage: spec.usage.map(|usage| Usage::load(usage, at)).transpose()?,
            refused: spec.refused.map(|code| at.filter(&code, "connection.refused")).transpose()?,
            refuses: spec.refuses,
            error_code: spec.error_code.map(|code| at.filter(&code, "connection.error_code")).transpose()?,
            tests,
            whoami: spec.whoami.map(|spec| Whoami::load(&spec, at.within(&["whoami"]), &names)).transpose()?,
            max_reply_mib: spec.max_reply_mib,
            timeout: Duration::from_secs(spec.timeout_seconds.max(1).into()),
            parameters: spec.parameters,
        })
    }

    /// Where the merchant finds the credentials.
    #[must_use]
    pub fn guide(&self) -> &str {
        &self.guide
    }

    /// What the merchant enters, in the order of the names.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> {
        self.parameters.iter().map(|(name, spec)| Parameter {
            name,
            title: &spec.title,
            secret: spec.kind == ParameterKind::Secret,
            example: spec.example.as_deref(),
            optional: spec.optional || spec.default.is_some() || self.authorised() == Some(name.as_str()),
            ends_after_days: spec.ends_after_days,
        })
    }

    /// What the manifest says of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&ParameterSpec> {
        self.parameters.get(name)
    }

    /// May the filters that make records see this one? Secrets they do not.
    pub(super) fn may_be_shown(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|spec| spec.kind != ParameterKind::Secret)
    }

    /// What the manifest gives as examples.
    pub(super) fn examples(&self) -> Variables {
        let examples = self.parameters.iter().filter_map(|(name, spec)| {
            let example = spec.example.as_ref().or(spec.default.as_ref())?;
            Some((name.clone(), Value::String(example.clone())))
        });
        examples.collect()
    }

    /// Does this parameter say where the vendor is reached, or what is meant there? Whose name it is may change where it stays.
    pub(super) fn is_place(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|spec| matches!(spec.kind, ParameterKind::Url | ParameterKind::Label))
    }

    /// The parameter the vendor fills by itself, once the merchant allowed it at an address of the vendor's.
    #[must_use]
    pub fn authorised(&self) -> Option<&str> {
        self.auth.code.as_ref().and(self.auth.refresh())
    }

    /// The names placeholders may use in every request.
    pub(super) fn names(&self) -> Vec<&str> {
        self.parameters.keys().map(String::as_str).chain(self.derived.iter().map(|(name, _)| name.as_str())).collect()
    }

    /// The values of parameters and what is derived of them.
    ///
    /// # Errors
    /// If one is missing, unknown or not of its kind.
    pub(super) fn variables(&self, given: &Parameters) -> Result<Variables, Fault> {
        self.variables_but(given, None)
    }

    /// The same, although `missing` is not there yet.
    pub(super) fn variables_but(&self, given: &Parameters, missing: Option<&str>) -> Result<Variables, Fault> {
        let fault = |name: &str, wrong| Err(Fault::Parameter { name: name.to_owned(), wrong });
        if let Some(name) = given.keys().find(|name| !self.parameters.contains_key(*name)) {
            return fault(name, "is none of this connector");
        }
        let mut variables = Variables::new();
        for (name, spec) in &self.parameters {
            let value =
                given.get(name).or(spec.default.as_ref()).map(|value| value.trim()).filter(|value| !value.is_empty());
            let value = match (value, spec.kind) {
                (None, _) if spec.optional || missing == Some(name.as_str()) => continue,
                (None, _) => return fault(name, "is missing"),
                (Some(value), ParameterKind::Url) => match Url::parse(value) {
                    Ok(url) if url.has_host() && url.query().is_none() && url.fragment().is_none() => {
                        value.trim_end_matches('/').to_owned()
                    }
                    _ => return fault(name, "is no address; write it like https://shop.example"),
                },
                (Some(value), ParameterKind::Label) => {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                    if !value.bytes().all(plain) || value.starts_with('-') {
                        return fault(name, "is no single name: letters, digits and hyphens only, without dots");
                    }
                    value.to_owned()
                }
                (Some(value), ParameterKind::PublicKey) => value.split_whitespace().collect::<Vec<_>>().join(" "),
                (Some(value), ParameterKind::Text | ParameterKind::Secret) => {
                    if value.chars().any(char::is_control) {
                        return fault(name, "holds a character that belongs in no such text");
                    }
                    value.to_owned()
                }
            };
            variables.insert(name.clone(), Value::String(value));
        }
        for (name, filter) in &self.derived {
            let yielded = filter.run(value(&Value::Object(variables.clone()))).next();
            let yielded = yielded.and_then(Result::ok).and_then(exact).filter(|value| !value.is_null());
            let Some(yielded) = yielded else { return fault(name, "cannot be told from the other parameters") };
            variables.insert(name.clone(), yielded);
        }
        Ok(variables)
    }

    /// What sources that share their limits have in common: a digest, because it may be a credential. None if each has its own.
    pub(super) fn limited_with(&self, given: &Parameters) -> Option<[u8; 32]> {
        self.in_common(self.limits_of.as_ref()?, given)
    }

    /// The same, limit by limit.
    pub(super) fn each_limited_with(&self, given: &Parameters) -> Vec<Option<[u8; 32]>> {
        self.limit_of.iter().map(|of| self.in_common(of.as_ref()?, given)).collect()
    }

    fn in_common(&self, of: &Template, given: &Parameters) -> Option<[u8; 32]> {
        let text = of.fill(&self.variables_but(given, self.authorised()).ok()?)?;
        digest(&SHA256, text.as_bytes()).as_ref().try_into().ok()
    }

    /// The only hosts that may be called, as the manifest writes them.
    pub(super) fn written_hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Where every path starts.
    pub(super) fn base(&self, variables: &Variables) -> Result<Url, Fault> {
        let wrong = || Fault::Address("what the parameters make of it".to_owned());
        let mut base = Url::parse(&self.base_url.fill(variables).ok_or_else(wrong)?).map_err(|_| wrong())?;
        if base.cannot_be_a_base() || !base.has_host() {
            return Err(wrong());
        }
        base.set_query(None);
        base.set_fragment(None);
        Ok(base)
    }

    /// Which hosts may be called with these parameters.
    pub(super) fn hosts(&self, variables: &Variables) -> Vec<HostRule> {
        let rule = |host: &String| match host.strip_prefix('{').and_then(|host| host.strip_suffix('}')) {
            None => Some(HostRule::parse(host)),
            Some(name) => {
                let url = Url::parse(variables.get(name)?.as_str()?).ok()?;
                url.host_str().map(|host| HostRule::Exact(host.to_ascii_lowercase()))
            }
        };
        self.hosts.iter().filter_map(rule).collect()
    }
}

/// Words of requests, which no parameter may be called.
pub(super) const WORDS: &[&str] = &[
    "page",
    "offset",
    "limit",
    "token",
    "since",
    "until",
    "report",
    "id",
    "email",
    "phone",
    "customer_number",
    "account",
];

impl Link {
    /// Does trying the credentials tell what they may not do beside reading?
    #[must_use]
    pub fn tells_lacks(&self) -> bool {
        self.tests.iter().any(|test| test.lacks.is_some())
    }
}

impl Proof {
    fn load(spec: &TestSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        if spec.also.iter().any(|test| !test.also.is_empty()) {
            return Err(at.wrong("also:", "write all further calls one below the other"));
        }
        Ok(Self {
            call: Call::load(&spec.request, "connection.test.request", at, names)?,
            expect: spec.expect.as_deref().map(|code| at.filter(code, "connection.test.expect")).transpose()?,
            otherwise: spec.otherwise.clone(),
            lacks: spec.lacks.as_deref().map(|code| at.filter(code, "connection.test.lacks")).transpose()?,
            proves: spec.proves.clone(),
        })
    }
}

impl Whoami {
    fn load(spec: &WhoamiSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        let call = Call::load(&spec.request, "connection.whoami.request", at, names)?;
        Ok(Self { call, id: at.filter(&spec.id, "connection.whoami.id")? })
    }
}

impl Usage {
    fn load(spec: UsageSpec, at: At<'_>) -> Result<Self, Error> {
        let header = |name: &String| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| at.wrong(name, "this is no name of a header"))
        };
        if spec.slow_from >= 100 {
            return Err(at.wrong("slow_from:", "from 100 percent on nothing is allowed any more; write less"));
        }
        let wait = spec.wait_minutes.map(|code| at.filter(&code, "connection.usage.wait_minutes"));
        Ok(Self {
            headers: spec.headers.iter().map(header).collect::<Result<_, Error>>()?,
            percent: at.filter(&spec.percent, "connection.usage.percent")?,
            wait_minutes: wait.transpose()?,
            slow_from: f64::from(spec.slow_from),
        })
    }
}

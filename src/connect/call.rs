//! [`Call`]: a request of a manifest, read once and filled in many times.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

pub(super) use super::at::At;
use super::filter::Filter;
use super::manifest::request::{MethodSpec, RequestSpec, Texts};
use super::mapping::{exact, value};
use super::outside::Prepared;
use super::pull::Refusal;
use super::template::{Template, Variables};
use super::{Error, Fault};

impl At<'_> {
    fn headers<'s>(
        self,
        specs: impl IntoIterator<Item = (&'s String, &'s String)>,
        known: &[&str],
    ) -> Result<Vec<(HeaderName, Template)>, Error> {
        let header = |(name, text): (&String, &String)| {
            let header =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.wrong(name, "this is no name of a header"))?;
            Ok((header, self.template(text, known)?))
        };
        specs.into_iter().map(header).collect()
    }
}

/// Headers with placeholders.
pub(super) struct Headers(Vec<(HeaderName, Template)>);

impl Headers {
    pub(super) fn load<'s>(
        specs: impl IntoIterator<Item = (&'s String, &'s String)>,
        at: At<'_>,
        known: &[&str],
    ) -> Result<Self, Error> {
        at.headers(specs, known).map(Self)
    }

    /// Adds those that have a value. A credential is marked, so that nothing prints it.
    pub(super) fn fill(&self, variables: &Variables, into: &mut HeaderMap) -> Result<(), Fault> {
        for (name, text) in &self.0 {
            if let Some(text) = text.fill(variables) {
                into.insert(name.clone(), header_value(&text)?);
            }
        }
        Ok(())
    }
}

/// A request of a manifest.
pub(super) struct Call {
    name: String,
    written: String,
    method: Method,
    /// Where its path starts, if not where every path does.
    base: Option<Template>,
    path: Template,
    query: Vec<(String, Template)>,
    /// Does a token stand for everything else that would be asked for?
    token_alone: bool,
    headers: Headers,
    body: Option<Filter>,
    form: Vec<(String, Template)>,
    idempotency_key: Option<HeaderName>,
    missing: Option<Refusal>,
}

impl Call {
    /// `name` is where it stands, such as `streams.orders.pull.request`; `known` what its placeholders may name.
    pub(super) fn load(spec: &RequestSpec, name: &str, at: At<'_>, known: &[&str]) -> Result<Self, Error> {
        if !spec.path.starts_with('/') && !spec.path.is_empty() {
            return Err(at.wrong(&spec.path, "a path starts with a slash"));
        }
        if spec.body.is_some() && !spec.form.is_empty() {
            return Err(at.wrong("form:", "a request sends a body or a form; keep one of them"));
        }
        let pairs = |specs: &BTreeMap<String, Texts>| {
            specs
                .iter()
                .flat_map(|(key, texts)| texts.0.iter().map(move |text| (key, text)))
                .map(|(key, text)| Ok((key.clone(), at.template(text, known)?)))
                .collect::<Result<Vec<_>, Error>>()
        };
        let method = match spec.method {
            MethodSpec::Get => Method::GET,
            MethodSpec::Post => Method::POST,
            MethodSpec::Put => Method::PUT,
            MethodSpec::Patch => Method::PATCH,
            MethodSpec::Delete => Method::DELETE,
        };
        let key = spec.idempotency_key.as_ref();
        if key.is_some() && method == Method::GET {
            return Err(
                at.wrong("idempotency_key:", "a call that only reads may be made again as it is; leave the key out")
            );
        }
        let key = key.map(|name| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| at.wrong(name, "this is no name of a header"))
        });
        let path = at.template(&spec.path, known)?;
        if let Some(missing) = &spec.missing {
            if path.names().all(|name| at.is_of_connection(name) || PAGES.contains(&name)) {
                let message =
                    "a vendor says so of the person or of what was found: name one in `path`, or leave this out";
                return Err(at.wrong("missing:", message));
            }
            if missing.body.is_none() && missing.status != 410 {
                let message = "such a status says other things too: write with `body` by what the reply shows it";
                return Err(at.wrong("missing:", message));
            }
        }
        let missing = spec.missing.clone().map(|spec| Refusal::load(spec, &format!("{name}.missing"), at));
        Ok(Self {
            name: name.to_owned(),
            written: spec.path.clone(),
            method,
            base: spec.base.as_deref().map(|base| at.base(base)).transpose()?,
            path,
            query: pairs(&spec.query)?,
            token_alone: false,
            headers: Headers::load(&spec.headers, at, known)?,
            body: spec.body.as_deref().map(|code| at.filter(code, &format!("{name}.body"))).transpose()?,
            form: pairs(&spec.form)?,
            idempotency_key: key.transpose()?,
            missing: missing.transpose()?,
        })
    }

    /// Does the vendor say with this refusal that what the path names is not there?
    pub(super) fn says_missing(&self, status: StatusCode, body: &Value) -> bool {
        self.missing.as_ref().is_some_and(|missing| missing.is(status, body))
    }

    /// The same, which sends nothing beside a token but how much it asks for.
    pub(super) fn with_token_alone(self) -> Self {
        Self { token_alone: true, ..self }
    }

    /// Its path as the manifest writes it.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// The header under which the vendor does nothing twice.
    pub(super) fn idempotency_key(&self) -> Option<&HeaderName> {
        self.idempotency_key.as_ref()
    }

    /// The names in its path that have no value: such a call cannot be made.
    pub(super) fn lacks(&self, variables: &Variables) -> bool {
        self.path.fill_path(variables).is_none()
    }

    /// The names in its path.
    pub(super) fn path_names(&self) -> impl Iterator<Item = &str> {
        self.path.names()
    }

    /// The names it needs to mean what it says: those of its path and query.
    pub(super) fn needs(&self) -> impl Iterator<Item = &str> {
        self.path.names().chain(self.query.iter().flat_map(|(_, text)| text.names()))
    }

    /// Fills it in. `next` is an address the vendor named for it, in the place of path and query.
    pub(super) fn prepare(&self, base: &Url, variables: &Variables, next: Option<&str>) -> Result<Prepared, Fault> {
        let own = self.base.as_ref().map(|own| {
            let own = own.fill(variables).and_then(|own| Url::parse(&own).ok()).filter(Url::has_host);
            own.ok_or_else(|| Fault::Address("what the manifest made of it".into()))
        });
        let own = own.transpose()?;
        let base = own.as_ref().unwrap_or(base);
        let url = match next {
            Some(next) => {
                base.join(next).map_err(|_| Fault::Address("what the vendor named as its next page".into()))?
            }
            None => self.url(base, variables)?,
        };
        let mut headers = HeaderMap::new();
        self.headers.fill(variables, &mut headers)?;
        let mut body = None;
        if let Some(filter) = &self.body {
            body = Some(self.json(filter, variables)?);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        } else if !self.form.is_empty() {
            let pairs = self.form.iter().flat_map(|(key, text)| text.fill_each(variables).map(move |text| (key, text)));
            body = Some(form(pairs));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        Ok(Prepared { method: self.method.clone(), url, headers, body })
    }

    fn url(&self, base: &Url, variables: &Variables) -> Result<Url, Fault> {
        let path = self.path.fill_path(variables).ok_or_else(|| Fault::Filter(format!("{}.path", self.name)))?;
        let whole = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let mut url = Url::parse(&whole).map_err(|_| Fault::Address("what the manifest made of it".into()))?;
        let alone = self.token_alone && variables.contains_key("token");
        for (key, text) in &self.query {
            if alone && !text.names().any(|name| name == "token" || name == "limit") {
                continue;
            }
            for text in text.fill_each(variables) {
                url.query_pairs_mut().append_pair(key, &text);
            }
        }
        Ok(url)
    }

    fn json(&self, filter: &Filter, variables: &Variables) -> Result<Vec<u8>, Fault> {
        let failed = || Fault::Filter(format!("{}.body", self.name));
        let yielded = filter.run(value(&Value::Object(variables.clone()))).next();
        let body = yielded.and_then(Result::ok).and_then(exact).ok_or_else(failed)?;
        serde_json::to_vec(&body).map_err(|_| failed())
    }
}

/// Words of a path that name a page, and nobody.
const PAGES: [&str; 6] = ["page", "offset", "limit", "token", "since", "until"];

/// A form, as HTML writes it.
pub(super) fn form(pairs: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

/// The value of a header that is not printed.
pub(super) fn header_value(text: &str) -> Result<HeaderValue, Fault> {
    let wrong =
        |_| Fault::Parameter { name: "of a header".to_owned(), wrong: "holds a character that no header may hold" };
    let mut value = HeaderValue::from_str(text).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

//! [`Each`]: what the pages of a stream are read for, one after the other.

use serde_json::Value;

use super::paging::Refusal;
use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::link::Link;
use crate::connect::manifest::pull::EachSpec;
use crate::connect::mapping::{exact, value};
use crate::connect::session::Session;
use crate::connect::template::Variables;
use crate::connect::{Error, Fault};

/// More is no list of forms or pages.
const MOST: usize = 10_000;
/// Pages of such a list.
const PAGES: usize = 1_000;

/// What the pages are read for.
pub(super) struct Each {
    place: String,
    names: Vec<String>,
    items: Filter,
    call: Option<Call>,
    next_url: Option<Filter>,
    gone: Vec<Refusal>,
}

impl Each {
    pub(super) fn load(spec: EachSpec, pull: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("{pull}.each");
        let call = spec.request.map(|call| Call::load(&call, &format!("{place}.request"), at, &link.names()));
        let next = spec.next_url.map(|code| at.filter(&code, &format!("{place}.next_url")));
        Ok(Self {
            items: at.filter(&spec.items, &format!("{place}.items"))?,
            call: call.transpose()?,
            next_url: next.transpose()?,
            gone: spec.gone.into_iter().map(|spec| Refusal::load(spec, &place, at)).collect::<Result<_, _>>()?,
            names: spec.names,
            place,
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Does the vendor say that the one it was asked about does not exist any more?
    pub(super) fn is_gone(&self, status: reqwest::StatusCode, body: &Value) -> bool {
        self.gone.iter().any(|refusal| refusal.is(status, body))
    }

    /// All of them, in the vendor's order.
    pub(super) async fn list(&self, session: &Session) -> Result<Vec<Variables>, Fault> {
        let failed = |what: &str| Fault::Filter(format!("{}.{what}", self.place));
        let Some(call) = &self.call else { return self.of(&Value::Object(session.variables())) };
        let (mut all, mut next) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let answer = session.call(call, &Variables::new(), next.as_deref()).await?;
            all.extend(self.of(&answer.json)?);
            let follow = self.next_url.as_ref().and_then(|filter| filter.run(value(&answer.json)).next());
            match follow.map(|yielded| yielded.map(exact)) {
                None | Some(Ok(Some(Value::Null))) => return Ok(all),
                Some(Ok(Some(Value::String(url)))) if url.is_empty() => return Ok(all),
                Some(Ok(Some(Value::String(url)))) if next.as_ref() != Some(&url) => next = Some(url),
                Some(Ok(Some(Value::String(_)))) => return Err(Fault::Repeats),
                Some(_) => return Err(failed("next_url")),
            }
            if all.len() > MOST {
                break;
            }
        }
        Err(failed("items"))
    }

    fn of(&self, whole: &Value) -> Result<Vec<Variables>, Fault> {
        let failed = || Fault::Filter(format!("{}.items", self.place));
        let one = |yielded: Result<_, String>| match yielded.map(exact) {
            Ok(Some(Value::Object(one))) if self.names.iter().all(|name| one.contains_key(name)) => Ok(one),
            // The manifest's own words.
            Err(told) => Err(Fault::Said(told)),
            _ => Err(failed()),
        };
        self.items.run(value(whole)).take(MOST + 1).map(one).collect()
    }
}

//! [`Each`]: what the pages of a stream are read for, one after the other.

use serde_json::Value;

use super::paging::Refusal;
use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::link::Link;
use crate::connect::listing::{self, Next};
use crate::connect::manifest::pull::EachSpec;
use crate::connect::mapping::{exact, value};
use crate::connect::session::Session;
use crate::connect::template::Variables;
use crate::connect::{Error, Fault};

/// More is no list of forms or pages.
const MOST: usize = 10_000;

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
        let Some(call) = &self.call else { return self.of(&Value::Object(session.variables())) };
        let mut all = Vec::new();
        let take = |reply: Value| {
            all.extend(self.of(&reply)?);
            if all.len() > MOST { Err(Fault::Filter(format!("{}.items", self.place))) } else { Ok(true) }
        };
        let goes_on = Next::Url(self.next_url.as_ref());
        listing::read(session, (call, &Variables::new()), goes_on, &self.place, take).await?;
        Ok(all)
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

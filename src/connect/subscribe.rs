//! [`Subscribe`]: subscribing to what a vendor tells by itself, and ending it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{At, Call};
use super::filter::Filter;
use super::link::Link;
use super::listing::{self, Next};
use super::manifest::link::ParameterKind;
use super::manifest::subscribe::SubscribeSpec;
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;
use super::webhook::mark;
use super::{Error, Fault, Parameters};

/// Subscriptions at a vendor; more is no list of them.
const MOST: usize = 2_000;
/// What placeholders may name besides the parameters.
const WORDS: [&str; 3] = ["address", "event", "mark"];

/// How the hub subscribes.
pub(super) struct Subscribe {
    events: Vec<String>,
    list: Call,
    objects: Filter,
    next_url: Option<Filter>,
    link_header: bool,
    matches: Filter,
    event: Option<Filter>,
    works: Option<Filter>,
    create: Call,
    expect: Option<Filter>,
    delete: Call,
    values: Vec<(String, Filter)>,
    made: Vec<String>,
    returned: BTreeMap<String, Filter>,
}

/// A subscription at the vendor that is this hub's.
pub(super) struct Subscription {
    /// What it is for; none where one is for everything.
    pub(super) event: Option<String>,
    /// Does the vendor call, as far as it says?
    pub(super) works: bool,
    values: Variables,
}

impl Subscribe {
    pub(super) fn load(spec: SubscribeSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let mut known = link.names();
        if let Some(word) = WORDS.iter().find(|word| known.contains(word)) {
            let message = format!("`{word}` is a word of `subscribe`; give the parameter another name");
            return Err(at.wrong(word, message));
        }
        for name in spec.made.iter().chain(spec.returned.keys()) {
            if !link.parameter(name).is_some_and(|known| known.kind == ParameterKind::Secret && known.optional) {
                let message = format!(
                    "`{name}` must be a parameter with `kind: secret, optional: true`; the hub enters it by itself"
                );
                return Err(at.wrong(name, message));
            }
        }
        if spec.events.is_empty() == spec.event.is_some() {
            let message = "`events` and `event` belong together: what is subscribed one by one, and which of them a subscription is for";
            return Err(at.wrong("subscribe:", message));
        }
        if spec.events.len() > 1 && !spec.returned.is_empty() {
            let message = "with several `events` the vendor returns several secrets, and a parameter holds one; subscribe a single event";
            return Err(at.wrong("returned:", message));
        }
        if spec.link_header && spec.next_url.is_some() {
            return Err(
                at.wrong("link_header:", "the next page is named by `next_url` or by the header; keep one of them")
            );
        }
        let filter = |code: &str, name: &str| at.filter(code, &format!("webhooks.subscribe.{name}"));
        let mut about = known.clone();
        about.extend(["address", "mark"]);
        let mut creating = about.clone();
        creating.push("event");
        known.extend(spec.values.keys().map(String::as_str));
        let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), filter(code, "values")?)));
        let returned = spec.returned.iter().map(|(name, code)| Ok((name.clone(), filter(code, "returned")?)));
        Ok(Self {
            list: Call::load(&spec.list, "webhooks.subscribe.list", at, &about)?,
            objects: filter(&spec.objects, "objects")?,
            next_url: spec.next_url.as_deref().map(|code| filter(code, "next_url")).transpose()?,
            link_header: spec.link_header,
            matches: filter(&spec.matches, "match")?,
            event: spec.event.as_deref().map(|code| filter(code, "event")).transpose()?,
            works: spec.works.as_deref().map(|code| filter(code, "works")).transpose()?,
            create: Call::load(&spec.create, "webhooks.subscribe.create", at, &creating)?,
            expect: spec.expect.as_deref().map(|code| filter(code, "expect")).transpose()?,
            delete: Call::load(&spec.delete, "webhooks.subscribe.delete", at, &known)?,
            values: values.collect::<Result<_, Error>>()?,
            returned: returned.collect::<Result<_, Error>>()?,
            events: spec.events,
            made: spec.made,
        })
    }

    /// What is subscribed, one by one; a single nothing where one subscription is for everything.
    pub(super) fn wanted(&self) -> Vec<Option<&str>> {
        if self.events.is_empty() { vec![None] } else { self.events.iter().map(|event| Some(event.as_str())).collect() }
    }

    /// The parameters the hub makes.
    pub(super) fn made(&self) -> &[String] {
        &self.made
    }

    /// The parameters that are known by subscribing alone.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &String> {
        self.made.iter().chain(self.returned.keys())
    }

    /// What is subscribed at the vendor for this address.
    pub(super) async fn listed(&self, session: &Session, address: &str) -> Result<Vec<Subscription>, Fault> {
        let words = words(address);
        let failed = |what: &str| Fault::Filter(format!("webhooks.subscribe.{what}"));
        let mut listed = Vec::new();
        let take = |reply: Value| {
            for found in self.objects.run(value(&reply)).take(MOST) {
                listed.push(found.ok().and_then(exact).ok_or_else(|| failed("objects"))?);
            }
            if listed.len() > MOST { Err(failed("objects")) } else { Ok(true) }
        };
        let goes_on = if self.link_header { Next::Link } else { Next::Url(self.next_url.as_ref()) };
        match listing::read(session, (&self.list, &words), goes_on, "webhooks.subscribe", take).await {
            // Some vendors say so where nothing is subscribed; where their interface is switched off, subscribing fails.
            Err(Fault::NotFound(_)) => return Ok(Vec::new()),
            read => read?,
        }
        let parameters = Value::Object(session.variables());
        let mut ours = Vec::new();
        for found in listed {
            let seen = json!({"found": found, "address": address, "mark": words.get("mark"), "parameters": parameters});
            if !self.matches.holds(value(&seen)) {
                continue;
            }
            let yields = |filter: &Filter| filter.run(value(&found)).next().and_then(Result::ok).and_then(exact);
            let event = match &self.event {
                None => None,
                Some(filter) => match yields(filter) {
                    Some(Value::String(event)) => Some(event),
                    _ => return Err(failed("event")),
                },
            };
            let values = self.values.iter();
            let values =
                values.map(|(name, filter)| Ok((name.clone(), yields(filter).ok_or_else(|| failed("values"))?)));
            let works = self.works.as_ref().is_none_or(|works| works.holds(value(&found)));
            ours.push(Subscription { event, works, values: values.collect::<Result<_, Fault>>()? });
        }
        Ok(ours)
    }

    /// Subscribes. Answers the parameters the vendor made.
    pub(super) async fn begin(
        &self,
        session: &Session,
        address: &str,
        event: Option<&str>,
    ) -> Result<Parameters, Fault> {
        let mut words = words(address);
        if let Some(event) = event {
            words.insert("event".to_owned(), event.into());
        }
        let answer = session.call(&self.create, &words, None).await?;
        if self.expect.as_ref().is_some_and(|expect| !expect.holds(value(&answer.json))) {
            return Err(Fault::NotDone(session.code_in(&answer.json)));
        }
        let returned = self.returned.iter().map(|(name, filter)| {
            match filter.run(value(&answer.json)).next().and_then(Result::ok).and_then(exact) {
                Some(Value::String(made)) if !made.is_empty() => Ok((name.clone(), made)),
                _ => Err(Fault::Filter("webhooks.subscribe.returned".to_owned())),
            }
        });
        returned.collect()
    }

    /// Ends a subscription. One that is gone already is ended.
    pub(super) async fn end(&self, session: &Session, subscription: &Subscription) -> Result<(), Fault> {
        match session.call(&self.delete, &subscription.values, None).await {
            Ok(_) => Ok(()),
            Err(Fault::NotFound(_)) if self.delete.path_names().any(|name| subscription.values.contains_key(name)) => {
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }
}

/// The address and what tells it from every other.
fn words(address: &str) -> Variables {
    let mark = hex::encode(mark(&[b"address of webhooks", address.as_bytes()]));
    let mark = mark.get(..16).unwrap_or_default();
    Variables::from_iter([("address".to_owned(), address.into()), ("mark".to_owned(), mark.into())])
}

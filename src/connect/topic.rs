//! [`Topic`]: what is done about something a vendor tells by itself.

use serde_json::Value;

use super::at::At;
use super::filter::Filter;
use super::left::Left;
use super::manifest::webhook::{Demanded, GoneSpec, TopicSpec};
use super::mapping::{exact, value};
use super::pull::id_of;
use super::webhook::Around;
use super::{Error, Stream};
use crate::types::RecordKind;

pub(super) enum Topic {
    Stream(String),
    Sync,
    Gone(Gone),
    Request { right: Demanded, who: Filter, shape: Filter },
    Unsubscribed(Box<Left>),
    Note(String),
}

/// What is gone at the vendor.
pub(super) struct Gone {
    pub(super) kind: RecordKind,
    id: Filter,
    shape: Option<Filter>,
}

/// How what is told is proven.
#[derive(Clone, Copy)]
pub(super) struct Proof {
    /// Is everything signed that is heard?
    pub(super) all_sign: bool,
    /// Or some of it?
    pub(super) any_signs: bool,
    /// Is the topic a header that nobody signs?
    pub(super) topic_is_loose: bool,
}

impl Topic {
    pub(super) fn load(
        spec: TopicSpec,
        name: &str,
        (around, proof): (Around<'_>, Proof),
        at: At<'_>,
    ) -> Result<Self, Error> {
        let streams = around.streams;
        let said = [
            spec.stream.is_some(),
            spec.sync,
            spec.gone.is_some(),
            spec.request.is_some(),
            spec.unsubscribed.is_some(),
            spec.note.is_some(),
        ];
        let is_one = said.iter().filter(|said| **said).count() == 1;
        let of_request = (spec.who.is_some(), spec.shape.is_some());
        if !is_one || of_request != (spec.request.is_some(), spec.request.is_some()) {
            return Err(at.wrong(name, ONE_THING));
        }
        if !proof.all_sign && (spec.stream.is_some() || spec.request.is_some()) {
            return Err(at.wrong(if spec.stream.is_some() { "stream:" } else { "request:" }, ONLY_HINTS));
        }
        if let Some(left) = spec.unsubscribed {
            if !around.takes_people {
                let message = "without an `audience` the hub handed nobody over who could unsubscribe; leave it out";
                return Err(at.wrong("unsubscribed:", message));
            }
            if !proof.all_sign && left.lookup.is_none() {
                let message = "nobody signs what is told by a token or an address; say with `lookup` how the vendor is asked whether it is so";
                return Err(at.wrong("unsubscribed:", message));
            }
            return Ok(Self::Unsubscribed(Box::new(Left::load(left, name, around.link, at)?)));
        }
        let filter = |code: &str, what: &str| at.filter(code, &format!("webhooks.topics.{name}.{what}"));
        if let Some(gone) = spec.gone {
            return Ok(Self::Gone(Gone::load(gone, name, (around, proof), at)?));
        }
        match (spec.stream, spec.request.zip(spec.who.zip(spec.shape)), spec.note) {
            (Some(stream), _, _) if streams.iter().any(|known| known.name() == stream) => Ok(Self::Stream(stream)),
            (Some(stream), _, _) => {
                let known: Vec<&str> = streams.iter().map(Stream::name).collect();
                Err(at.wrong(&stream, format!("there is no stream `{stream}`; known are {}", known.join(", "))))
            }
            (None, Some((right, (who, shape))), _) => {
                Ok(Self::Request { right, who: filter(&who, "who")?, shape: filter(&shape, "shape")? })
            }
            (None, None, Some(note)) => Ok(Self::Note(note)),
            (None, None, None) => Ok(Self::Sync),
        }
    }
}

impl Gone {
    fn load(spec: GoneSpec, topic: &str, (around, proof): (Around<'_>, Proof), at: At<'_>) -> Result<Self, Error> {
        if !proof.any_signs {
            return Err(at.wrong("gone:", ONLY_HINTS));
        }
        if proof.topic_is_loose && spec.shape.is_none() {
            let message = "a header that nobody signs names the topic; say with `shape` what such a body has and no other one the vendor signs";
            return Err(at.wrong("gone:", message));
        }
        if !around.streams.iter().any(|stream| stream.may_make(spec.of)) {
            return Err(at.wrong("of:", format!("no stream makes a record of the type `{}`", spec.of)));
        }
        let filter = |code: &str, what: &str| at.filter(code, &format!("webhooks.topics.{topic}.gone.{what}"));
        let shape = spec.shape.map(|code| filter(&code, "shape")).transpose()?;
        Ok(Self { kind: spec.of, id: filter(&spec.id, "id")?, shape })
    }

    /// The ids a delivery names, as records have them. None if it is not such a word, or names none.
    pub(super) fn ids(&self, whole: &Value) -> Option<Vec<String>> {
        if self.shape.as_ref().is_some_and(|shape| !shape.holds(value(whole))) {
            return None;
        }
        let ids: Option<Vec<String>> =
            self.id.run(value(whole)).take(MOST + 1).map(|id| id_of(exact(id.ok()?)?)).collect();
        ids.filter(|ids| (1..=MOST).contains(&ids.len()))
    }
}

/// Ids one delivery may name.
const MOST: usize = 1_000;

const ONE_THING: &str =
    "say one thing: `stream`, `sync: true`, `gone`, `request` with `who` and `shape`, `unsubscribed`, or `note`";

const ONLY_HINTS: &str = "nobody signs what is told by a token or an address: records, demands and what is gone are not taken so; say `sync: true` or `note`";

//! [`Webhooks`]: what a vendor tells by itself. Checked first, understood by the manifest, carried out by whoever asked.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::call::At;
use super::erase::Person;
use super::filter::Filter;
use super::handshake::Handshake;
use super::link::Link;
use super::manifest::webhook::{BodyForm, Demanded, WebhookSpec};
use super::mapping::{exact, value};
use super::signature::{Signature, Told};
use super::subscribe::Subscribe;
use super::template::Variables;
use super::topic::{Proof, Topic};
use super::{Error, Fault, Heard, Parameters, Session, Stream, form};
use crate::types::{RecordKind, Timestamp, read_json};

/// What a vendor tells by itself.
pub struct Webhooks {
    guide: String,
    pub(super) signature: Signature,
    pub(super) subscribe: Option<Subscribe>,
    form: BodyForm,
    each: Option<Filter>,
    handshake: Option<Handshake>,
    ping: Option<Filter>,
    delivery: Filter,
    sent_at: Option<Filter>,
    window: i64,
    topic: Filter,
    topics: Vec<(String, Topic)>,
    /// Is what tells deliveries apart a header that nobody signed?
    loose: bool,
}

/// What a delivery is about: the manifest, and whether it takes people of segments.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) link: &'a Link,
    pub(super) streams: &'a [Stream],
    pub(super) takes_people: bool,
}

/// A delivery whose sender is proven.
pub struct Delivery {
    /// What tells it from every other of its source; if one of them is known, it was carried out.
    pub marks: Vec<[u8; 16]>,
    /// What it says.
    pub news: News,
}

/// What a delivery says. It holds personal values: it is neither printed nor kept.
pub enum News {
    /// Objects of a stream, as a page of it.
    Objects {
        /// The stream's name.
        stream: String,
        /// The page.
        page: Value,
    },
    /// Something changed: what is new is to be read.
    Changed,
    /// Objects are gone at the vendor.
    Gone {
        /// Records of which type they were.
        kind: RecordKind,
        /// Their ids, as the records have them.
        ids: Vec<String>,
    },
    /// A person demands something.
    Demand {
        /// What.
        right: Demanded,
        /// Who.
        who: Person,
    },
    /// People unsubscribed there; who it is, [`Webhooks::left`] tells.
    Left(Value, String),
    /// What no request of one person is, in the manifest's words.
    Note(String),
    /// Nothing the manifest knows.
    Nothing,
}

/// Why a delivery is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// The merchant entered no secret for it.
    #[error("no secret is entered for what this vendor tells by itself")]
    NoSecret,
    /// The signature is missing or wrong.
    #[error("the signature does not hold")]
    Forged,
    /// It is older than the vendor would try again.
    #[error("the delivery is too old")]
    TooOld,
    /// It is not what the manifest says it is.
    #[error("the delivery cannot be read")]
    Unreadable,
}

impl Webhooks {
    pub(super) fn load(spec: WebhookSpec, around: Around<'_>, at: At<'_>) -> Result<Self, Error> {
        let names = around.link.names();
        let filter = |code: &str, name: &str| at.filter(code, &format!("webhooks.{name}"));
        let signature = Signature::load(spec.signature, at, &names)?;
        let proof = Proof {
            all_sign: signature.signs(),
            any_signs: signature.may_sign(),
            topic_is_loose: !signature.covers_headers() && spec.topic.contains("headers"),
        };
        let topics = spec.topics.into_iter().map(|(name, topic)| {
            Ok((name.clone(), Topic::load(topic, &name, (around, proof), at.within(&["topics", &name]))?))
        });
        let topics = topics.collect::<Result<_, Error>>()?;
        let subscribe = spec.subscribe.map(|spec| Subscribe::load(spec, around.link, at)).transpose()?;
        let loose = !signature.covers_headers() && spec.delivery.contains("headers");
        Ok(Self {
            guide: spec.guide,
            loose,
            signature,
            subscribe,
            form: spec.body,
            each: spec.each.map(|code| filter(&code, "each")).transpose()?,
            handshake: spec.handshake.map(|shake| Handshake::load(shake, at, &names)).transpose()?,
            ping: spec.ping.map(|code| filter(&code, "ping")).transpose()?,
            delivery: filter(&spec.delivery, "delivery")?,
            sent_at: spec.sent_at.map(|code| filter(&code, "sent_at")).transpose()?,
            window: i64::from(spec.window_hours) * 3_600 * Timestamp::SECOND,
            topic: filter(&spec.topic, "topic")?,
            topics,
        })
    }

    /// Where the merchant enters the address and the secret.
    #[must_use]
    pub fn guide(&self) -> &str {
        &self.guide
    }

    /// Can the hub subscribe by itself?
    #[must_use]
    pub const fn can_subscribe(&self) -> bool {
        self.subscribe.is_some()
    }

    /// What is answered to a vendor that tries the address, given its last part, if that is a secret, and the parameters of its query.
    ///
    /// # Errors
    /// If this vendor tries nothing, or it is not this vendor.
    pub fn shake(
        &self,
        (link, parameters): (&Link, &Parameters),
        secret: Option<&str>,
        query: &[(String, String)],
    ) -> Result<String, Unheard> {
        let variables: Variables = link.variables(parameters).map_err(|_| Unheard::NoSecret)?;
        let handshake = self.handshake.as_ref().ok_or(Unheard::NoSecret)?;
        if self.signature.takes_path() {
            let wanted = self.signature.in_path(&variables).ok_or(Unheard::NoSecret)?;
            let shown = secret.unwrap_or_default().as_bytes();
            if !bool::from(subtle::ConstantTimeEq::ct_eq(shown, wanted.as_bytes())) {
                return Err(Unheard::Forged);
            }
        }
        handshake.answer(&variables, query)
    }

    /// Checks what came and reads what it says, event by event. Nothing: it only tries the address.
    ///
    /// # Errors
    /// Why it is not heard.
    pub fn hear(
        &self,
        (link, parameters): (&Link, &Parameters),
        told: &Told<'_>,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, Unheard> {
        let variables: Variables = link.variables(parameters).map_err(|_| Unheard::NoSecret)?;
        if !self.signature.is_set(&variables) {
            return Err(Unheard::NoSecret);
        }
        let headers = told.headers.0.iter();
        let shown: Value = headers.map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
        let proven = self.signature.proves(&variables, told, now);
        let read: Option<Value> = match self.form {
            // What is signed is checked as it came; it is read as the pages of the vendor are.
            BodyForm::Json => read_json(told.body).ok(),
            BodyForm::Form => form::read(told.body),
        };
        let is_read = read.is_some();
        let mut whole = json!({"headers": shown, "body": read});
        if self.ping.as_ref().is_some_and(|ping| ping.holds(value(&whole))) {
            return Ok(Vec::new());
        }
        let Some(signed) = proven else { return Err(Unheard::Forged) };
        if matches!(&self.handshake, Some(Handshake::Intent(when)) if when.holds(value(&whole))) {
            return Ok(Vec::new());
        }
        if !is_read {
            return Err(Unheard::Unreadable);
        }
        if let Some(sent_at) = &self.sent_at {
            let sent = sent_at.run(value(&whole)).next().and_then(Result::ok).and_then(exact);
            let sent = sent.as_ref().and_then(instant).ok_or(Unheard::Unreadable)?;
            if sent.plus(self.window) < now {
                return Err(Unheard::TooOld);
            }
        }
        let Some(each) = &self.each else { return Ok(vec![self.one(whole, (told.body, signed), 0)?]) };
        let events: Option<Vec<Value>> = each.run(value(&whole)).take(MOST + 1).map(|one| exact(one.ok()?)).collect();
        let events = events.filter(|events| events.len() <= MOST).ok_or(Unheard::Unreadable)?;
        let headers = whole.get_mut("headers").map(Value::take).unwrap_or_default();
        let hear = |(number, event)| self.one(json!({"headers": headers, "event": event}), (told.body, signed), number);
        events.into_iter().enumerate().map(hear).collect()
    }

    /// One event of a delivery.
    fn one(&self, whole: Value, (body, signed): (&[u8], bool), number: usize) -> Result<Delivery, Unheard> {
        let yields = |filter: &Filter| filter.run(value(&whole)).next().and_then(Result::ok).and_then(exact);
        let delivery = yields(&self.delivery).filter(|id| !id.is_null()).ok_or(Unheard::Unreadable)?;
        // Where a part is missing, others could be alike that say another thing.
        let is_whole = delivery.as_array().is_none_or(|parts| !parts.iter().any(Value::is_null));
        let mut marks = if is_whole { vec![mark(&[delivery.to_string().as_bytes()])] } else { Vec::new() };
        let topic = yields(&self.topic).and_then(|topic| Some(topic.as_str()?.to_owned()));
        let topic = topic.and_then(|topic| self.topics.iter().find(|(name, _)| *name == topic));
        let news = match topic {
            None => News::Nothing,
            Some((_, Topic::Sync)) => News::Changed,
            Some((_, Topic::Note(note))) => News::Note(note.clone()),
            Some((_, Topic::Stream(stream))) => {
                let page = whole.get("event").or_else(|| whole.get("body")).cloned().unwrap_or_default();
                News::Objects { stream: stream.clone(), page }
            }
            Some((_, Topic::Request { right, who, shape })) => {
                let who = yields(who).filter(|_| shape.holds(value(&whole))).ok_or(Unheard::Unreadable)?;
                News::Demand { right: *right, who: person(&who) }
            }
            // By a token or an address anybody who saw one could end everything.
            Some((_, Topic::Gone(_))) if !signed => News::Nothing,
            Some((_, Topic::Gone(gone))) => {
                News::Gone { kind: gone.kind, ids: gone.ids(&whole).ok_or(Unheard::Unreadable)? }
            }
            Some((name, Topic::Unsubscribed(_))) => News::Left(whole, name.clone()),
        };
        // Under another topic nobody asked for, the same body may come first.
        if !is_whole || (self.loose && !matches!(news, News::Nothing)) {
            let number = number.to_le_bytes();
            let which: &[u8] = if self.each.is_some() { &number } else { &[] };
            marks.push(mark(&[b"body", which, body]));
        }
        Ok(Delivery { marks, news })
    }

    /// Who unsubscribed, of what [`News::Left`] says. The vendor is asked whether it is so, where the manifest says how.
    ///
    /// # Errors
    /// If it cannot be asked, or the manifest does not fit what is told.
    pub async fn left(&self, session: &Session, told: Value, topic: &str) -> Result<Heard, Fault> {
        match self.topics.iter().find(|(name, _)| name == topic) {
            Some((_, Topic::Unsubscribed(left))) => left.people(session, told).await,
            _ => Ok(Heard::default()),
        }
    }
}

/// Events of one delivery.
const MOST: usize = 10_000;

/// What tells something from everything else, and says nothing of it.
pub(super) fn mark(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().first_chunk().copied().unwrap_or_default()
}

/// A time: RFC 3339, or seconds since 1970.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse(text).ok().or_else(|| seconds(text.parse().ok()?)),
        Value::Number(number) => seconds(number.as_i64()?),
        _ => None,
    }
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(Timestamp::SECOND).map(Timestamp::from_micros)
}

pub(super) fn person(who: &Value) -> Person {
    let text = |name: &str| match who.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Person {
        email: text("email"),
        phone: text("phone"),
        customer_number: text("customer_number"),
        account: text("account"),
        ..Person::default()
    }
}

#[cfg(test)]
mod tests;
